//! What scripts find on the global object, beside what the engine has.

use super::evaluate;
use crate::support::{run, World};
use serde_json::{json, Value};

async fn holds(world: &World, cases: &[(&str, Value)]) {
    for (expression, expected) in cases {
        let value = evaluate(world, expression).await;
        assert_eq!(value.as_ref(), Ok(expected), "{expression}");
    }
}

#[test]
fn the_clock_is_the_hosts_and_its_zone_is_utc() {
    run(|world| async move {
        let now_ms = world.now().unix_ms;
        holds(&world, &[
            ("Date.now()", json!(now_ms)),
            ("new Date().getTime()", json!(now_ms)),
            ("Date.parse('2026-02-26T17:04:18')", json!(1_772_125_458_000_i64)),
            ("new Date('Feb 26 2026 17:04:18').toISOString()", json!("2026-02-26T17:04:18.000Z")),
            ("new Date('2026-02-26T17:04:18+01:00').getHours()", json!(16)),
            ("new Date('2026-02-26').getTimezoneOffset()", json!(0)),
            ("new Date(2026, 1, 26, 17).toISOString()", json!("2026-02-26T17:00:00.000Z")),
            ("String(new Date(0))", json!("Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)")),
            ("new Date(0).toLocaleString()", json!("1/1/1970, 12:00:00 AM")),
            ("[new Date(new Date(5)).getTime(), new Date(NaN).getTime(), String(new Date('x'))]", json!([5, null, "Invalid Date"])),
            ("new (class extends Date { twice() { return this * 2; } })(4).twice()", json!(8)),
            ("[typeof Date(), new Date() instanceof Date, Date.name]", json!(["string", true, "Date"])),
            ("performance.now() + await new Promise((r) => setTimeout(() => r(performance.now()), 7))", json!(7)),
        ])
        .await;
    });
}

#[test]
fn a_url_is_parsed_and_changed() {
    run(|world| async move {
        holds(&world, &[
            ("new URL('../c?d=1#e', 'https://u:p@a.test:444/b/').href", json!("https://u:p@a.test:444/c?d=1#e")),
            ("(({ host, port, pathname, search, origin }) => [host, port, pathname, search, origin])(new URL('https://a.test:444/b?c'))",
             json!(["a.test:444", "444", "/b", "?c", "https://a.test:444"])),
            ("(() => { const u = new URL('https://a.test/?a=1'); u.searchParams.append('b', 'x y'); u.pathname = '/z'; u.hash = 'h'; return String(u); })()",
             json!("https://a.test/z?a=1&b=x+y#h")),
            ("(() => { const u = new URL('https://a.test/?a=1'); u.search = '?q=2'; return u.searchParams.get('q'); })()", json!("2")),
            ("[URL.canParse('no'), URL.canParse('no', 'https://a.test')]", json!([false, true])),
            ("[...new URLSearchParams('?a=1&b=%20+&a=2')]", json!([["a", "1"], ["b", "  "], ["a", "2"]])),
            ("(() => { const p = new URLSearchParams({ b: '1', a: 'é' }); p.set('b', '3'); p.sort(); return `${p} ${p.size}`; })()", json!("a=%C3%A9&b=3 2")),
            ("JSON.stringify({ u: new URL('https://a.test') })", json!("{\"u\":\"https://a.test/\"}")),
        ])
        .await;
        let error = super::thrown(&world, "new URL('no')").await;
        assert_eq!(error, "TypeError: Invalid URL: no");
    });
}

#[test]
fn text_becomes_bytes_and_back() {
    run(|world| async move {
        holds(
            &world,
            &[
                ("[...new TextEncoder().encode('é')]", json!([195, 169])),
                (
                    "new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 195, 169, 255]))",
                    json!("é\u{fffd}"),
                ),
                (
                    "[btoa('\\xff\\0'), atob('/wA=').charCodeAt(0)]",
                    json!(["/wA=", 255]),
                ),
                (
                    "(await new Response('\\ud800').text()).charCodeAt(0)",
                    json!(0xfffd),
                ),
            ],
        )
        .await;
    });
}

#[test]
fn what_could_show_garbage_or_block_the_world_is_not_there() {
    run(|world| async move {
        let names = "['WeakRef', 'FinalizationRegistry', 'std', 'os', 'require', 'process', 'Temporal', 'Intl'].filter((name) => name in globalThis)";
        holds(
            &world,
            &[(names, json!([])), ("'waitAsync' in Atomics", json!(false))],
        )
        .await;
        let error = super::thrown(
            &world,
            "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
        )
        .await;
        assert!(error.starts_with("TypeError"), "{error}");
    });
}

#[test]
fn what_is_loaded_when_it_is_touched_is_there_before_and_can_be_replaced() {
    run(|world| async move {
        holds(
            &world,
            &[
                (
                    "['Date', 'setTimeout', 'URL', 'Response', 'fetch'].every((name) => name in globalThis)",
                    json!(true),
                ),
                (
                    "(() => { fetch = () => 'mine'; Headers; return [fetch(), typeof Response]; })()",
                    json!(["mine", "function"]),
                ),
                (
                    "(() => { delete globalThis.fetch; Response; return typeof fetch; })()",
                    json!("undefined"),
                ),
                (
                    "(() => { const Url = URL; URL = null; return [new Request('https://a.test').url, Url === URL]; })()",
                    json!(["https://a.test/", false]),
                ),
                (
                    "[Response === Response, new Response('') instanceof Response, Date === new Date().constructor]",
                    json!([true, true, true]),
                ),
                (
                    "(() => { const deep = (n) => { try { return deep(n + 1); } catch { return n; } }; deep(0); return new URL('https://a.test').href; })()",
                    json!("https://a.test/"),
                ),
            ],
        )
        .await;
    });
}

#[test]
fn what_could_not_be_loaded_is_loaded_later() {
    run(|world| async move {
        holds(
            &world,
            &[(
                "(() => { let errors = 0; \
                 const deep = () => { try { deep(); } catch { try { URL; } catch { errors += 1; } throw 0; } }; \
                 try { deep(); } catch {} \
                 const { href } = new URL('https://a.test'); \
                 return [errors > 0, href, new Request(href).url]; })()",
                json!([true, "https://a.test/", "https://a.test/"]),
            )],
        )
        .await;
    });
}
