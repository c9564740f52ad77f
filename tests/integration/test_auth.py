"""Who gets in and what they may do: server-config.md 4 and 5, protocol.md 5 and 12."""
import time

import pytest
from harness.wire_client import WireClient


HASHES = {
    ("secret", 4): "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
    ("secret", 5): "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
    ("secret", 12): "$2b$12$abcdefghijklmnopqrstuuT1Iwu6o8Wx7BoOyIMHfgVJq6JO/IJhW",
    ("other", 4): "$2b$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu",
    ("tok", 4): "$2b$04$abcdefghijklmnopqrstuuowN/LqXURBoz.NO0XVasvnxYyecrTX.",
    ("changed", 5): "$2b$05$abcdefghijklmnopqrstuuZHDdPPl57vGSi2Jpi.TeOSHlzyP0rb6",
}


def bcrypt(password, cost=4):
    return HASHES[password, cost]


def refused(client):
    return client.expect_closed() == ["-ERR 'Authorization Violation'"]


def test_bcrypt_passwords_of_users_and_of_a_token(start_server):
    server = start_server(config=f"""authorization {{ users: [
        {{ user: a, password: "{bcrypt('secret')}" }}
        {{ user: b, password: {bcrypt('other').replace('$2b$', '$2a$')}, permissions: {{ publish: x }} }} ] }}""")
    with WireClient(server.port, user="a", **{"pass": "secret"}) as client:
        client.send("SUB foo 1\r\nPUB foo 2\r\nhi\r\n")
        client.expect(("MSG", "foo", "1", None, b"hi"))
    with WireClient(server.port, user="b", **{"pass": "other"}) as client:
        client.send("PUB y 0\r\n\r\n")
        client.expect('-ERR \'Permissions Violation for Publish to "y"\'')
    with WireClient(server.port, user="a", **{"pass": "other"}) as client:
        assert refused(client)
    server.wait_for_log('authentication error - User "a"')
    token = start_server(config=f'authorization {{ token: "{bcrypt("tok")}" }}')
    with WireClient(token.port, auth_token="tok") as client:
        assert client.ping() == []
    with WireClient(token.port, auth_token="tak") as client:
        assert refused(client)


def test_hashing_holds_nobody_up(start_server):
    server = start_server(workers=1, config=f"""authorization {{ users: [
        {{ user: slow, password: "{bcrypt('secret', 12)}" }}, {{ user: quick, password: x }} ] }}""")
    with WireClient(server.port, user="quick", **{"pass": "x"}) as quick:
        quick.ping()
        slow = [WireClient(server.port, user="slow", seconds=60, **{"pass": "secret"}) for _ in range(4)]
        time.sleep(0.05)
        began = time.monotonic()
        quick.ping()
        took = time.monotonic() - began
        whole = time.monotonic()
        for client in slow:
            assert client.ping() == []
            client.close()
        whole = time.monotonic() - whole
        assert took < whole / 2, f"a ping took {took} s, four hashes {whole} s"


def test_a_reload_knows_a_hash_that_was_checked(start_server):
    def config(hashed):
        return f'authorization {{ users: [ {{ user: a, password: "{hashed}" }} ] }}'

    server = start_server(config=config(bcrypt("secret")))
    with WireClient(server.port, user="a", **{"pass": "secret"}) as client:
        client.ping()
        server.reload(config(bcrypt("secret")))
        assert client.ping() == []
        server.reload(config(bcrypt("secret", 5)))
        assert client.ping() == []
        server.reload(config(bcrypt("changed", 5)))
        assert refused(client)


def test_no_auth_user_needs_no_connect(start_server):
    server = start_server(config="""
        accounts { A { users: [ { user: guest, password: x, permissions: { publish: open } } ] } }
        no_auth_user: guest""")
    with WireClient(server.port, connect=False) as client:
        assert "auth_required" not in client.info
        client.send("PUB closed 0\r\n\r\n")
        assert '-ERR \'Permissions Violation for Publish to "closed"\'' in client.ping()


def test_a_system_account_alone_leaves_the_rest_open(start_server):
    server = start_server(config="accounts { $SYS { users: [ { user: admin, password: x } ] } }")
    with WireClient(server.port) as client:
        assert client.info["auth_required"] is True
        client.ping()
        client.ping()
        assert client.info["remote_account"] == "$G"
    with WireClient(server.port, user="admin", **{"pass": "x"}) as admin:
        admin.ping()
        admin.ping()
        assert admin.info["acc_is_sys"] is True
    with WireClient(server.port, user="admin", **{"pass": "y"}) as wrong:
        assert refused(wrong)


def test_connection_types(start_server):
    server = start_server(config="""authorization { users: [
        { user: web, password: x, allowed_connection_types: ["WEBSOCKET"] }
        { user: both, password: x, allowed_connection_types: ["standard", "MQTT"] } ] }""")
    with WireClient(server.port, user="both", **{"pass": "x"}) as client:
        assert client.ping() == []
    with WireClient(server.port, user="web", **{"pass": "x"}) as client:
        assert refused(client)


def test_limits_of_an_account(start_server):
    server = start_server(config="""accounts { A {
        limits { max_connections: 2, max_subscriptions: 1, max_payload: 10 }
        users: [ { user: a, password: x } ] } }""")
    with WireClient(server.port, user="a", **{"pass": "x"}) as one, \
            WireClient(server.port, user="a", **{"pass": "x"}) as two:
        assert one.ping() == two.ping() == one.ping() == []
        assert one.info["max_payload"] == 10
        with WireClient(server.port, user="a", **{"pass": "x"}) as third:
            assert third.expect_closed() == ["-ERR 'maximum account active connections exceeded'"]
        one.send("SUB a 1\r\nSUB b 2\r\n")
        one.expect("-ERR 'maximum subscriptions exceeded'")
        two.send("PUB a 11\r\n01234567890\r\n")
        assert two.expect_closed() == ["-ERR 'Maximum Payload Violation'"]
    deadline = time.monotonic() + 5
    while True:
        with WireClient(server.port, user="a", **{"pass": "x"}) as again:
            try:
                if again.ping() == []:
                    break
            except ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_default_permissions_and_a_user_s_own(start_server):
    server = start_server(config="""authorization {
        default_permissions { publish: "common.>", subscribe: ["_INBOX.>", "common.*"] }
        users: [ { user: a, password: x }
                 { user: b, password: x, permissions {
                     publish { allow: ["b.>"], deny: ["b.secret.*"] }
                     subscribe { allow: [">", "work q"], deny: ["private.>"] } } } ] }""")
    with WireClient(server.port, user="a", **{"pass": "x"}) as a, \
            WireClient(server.port, user="b", **{"pass": "x"}) as b:
        a.send("SUB common.x 1\r\nSUB b.x 2\r\nPUB common.x 0\r\n\r\nPUB b.x 0\r\n\r\n")
        assert sorted(map(str, a.ping())) == sorted(map(str, [
            ("MSG", "common.x", "1", None, b""),
            '-ERR \'Permissions Violation for Subscription to "b.x"\'',
            '-ERR \'Permissions Violation for Publish to "b.x"\'',
        ]))
        b.send("SUB private.x 1\r\nSUB work other 2\r\nSUB work q 3\r\n"
               "PUB b.secret.x 0\r\n\r\nPUB work 0\r\n\r\nPUB b.x 0\r\n\r\n")
        answers = b.ping()
        assert '-ERR \'Permissions Violation for Subscription to "private.x"\'' in answers
        assert '-ERR \'Permissions Violation for Subscription to "work" using queue "other"\'' in answers
        assert '-ERR \'Permissions Violation for Publish to "b.secret.x"\'' in answers
        assert '-ERR \'Permissions Violation for Publish to "work"\'' in answers
        assert len(answers) == 4
    server.wait_for_log('Publish Violation - Subject "b.secret.x"')


def test_the_time_for_a_connect_is_limited(start_server):
    server = start_server(config="authorization { users: [ { user: a, password: x } ], timeout: 0.3 }")
    with WireClient(server.port, connect=False) as client:
        assert client.expect_closed(seconds=5) == ["-ERR 'Authentication Timeout'"]
    with WireClient(server.port, user="a", **{"pass": "x"}) as client:
        client.ping()
        time.sleep(0.6)
        assert client.ping() == []


@pytest.mark.parametrize(("config", "options", "label"), [
    ("authorization { users: [ { user: a, password: x } ] }", {"user": "a", "pass": "x"}, "$G/user:a"),
    ("authorization { token: t }", {"auth_token": "t"}, "$G/token"),
    ("accounts { A { users: [ { user: a, password: x } ] } }", {"user": "a", "pass": "x"}, "A/user:a"),
])
def test_the_log_names_client_and_user(start_server, config, options, label):
    server = start_server(config="debug: true\n" + config)
    with WireClient(server.port, lang="go", version="1.2", name="me", **options) as client:
        client.ping()
    server.wait_for_log(f' - "v1.2:go:me" - "{label}" - Client connection closed: Client Closed')
