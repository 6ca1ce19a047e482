#!/usr/bin/env bash
# Seeds for the corpora, from the repository's own files.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p corpus/{world,capsule,descriptor,webhook}
cp ../scenarios/regressions/*.json corpus/capsule/
# Callables, as the regressions' quirks and the specification have them.
cat > corpus/descriptor/rpc.json <<'JSON'
{"type":"workers-rpc","via":{"type":"env-binding","bindingType":"durable-object-namespace","bindingName":"AGENT","durableObject":{"name":"p1:/agents/a"}},"rpcMethod":"requestStreamSubscription","argsMode":"object"}
JSON
cat > corpus/descriptor/fetch.json <<'JSON'
{"type":"fetch","via":{"type":"url","url":"http://a.test"},"fetchRequest":{"path":{}}}
JSON
printf '\0%s' '{"type":"event_callback","event_id":"Ev1","team_id":"T1","event":{"type":"message","channel":"C1","user":"U1","text":"Hello","ts":"1.2","thread_ts":"1.1"},"authorizations":[{"user_id":"U2","is_bot":true}]}' > corpus/webhook/message
printf '\0%s' '{"type":"url_verification","challenge":"x"}' > corpus/webhook/verification
printf '\1%s' 'payload=%7B%22type%22%3A%22block_actions%22%2C%22channel%22%3A%7B%22id%22%3A%22C1%22%7D%2C%22message%22%3A%7B%22ts%22%3A%221.2%22%7D%7D' > corpus/webhook/interaction
head -c 600 /dev/zero > corpus/world/calm
{ head -c 40 /dev/zero; printf '\360\377\360\360'; head -c 200 /dev/zero; printf '\360'; } > corpus/world/few
