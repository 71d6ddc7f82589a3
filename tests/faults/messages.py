"""What is published: a pure function of seed, publisher and number, so that any message can be made again."""

import json
import random
import uuid
from typing import NamedTuple, Optional

POISON_SHARE = 0.01
DUPLICATE_SHARE = 0.05
FORGED_SHARE = 0.05
HOSTILE_SHARE = 0.03
TEXT_ID_SHARE = 0.03
UPPER_CASE_ID_SHARE = 0.02
# Past the exchange, to the queue by its name.
BY_QUEUE_SHARE = 0.1

MIB = 1 << 20


class Message(NamedTuple):
    number: int  # of the first message with this id; a duplicate's is smaller than its own place
    tenant: str
    message_id: str
    stored_id: str
    body: bytes
    headers: dict
    poison: Optional[str]  # a name of POISON
    to_queue: bool


class RawText(str):
    """A header's string whose bytes are what the sender likes, not UTF-8."""

    def __new__(cls, raw):
        made = super().__new__(cls, "raw")
        made.raw = raw
        return made

    def encode(self, *_):
        return self.raw


def _text(chance, letters):
    alphabet = "abcdefghij klmnopqrstuvwxyzäöüß€漢字😀\"\\\n\t/"
    return "".join(chance.choice(alphabet) for _ in range(letters))


# ---- good bodies -----------------------------------------------------------------------------------------------------


def _plain(chance):
    return json.dumps({"n": chance.randrange(1 << 40), "text": "x" * chance.randrange(200)}).encode()


def _unicode(chance):
    return json.dumps({_text(chance, 5): _text(chance, chance.randrange(100)), "a": [True, None, -0.5]},
                      ensure_ascii=chance.random() < 0.5).encode()


def _numbers(chance):
    numbers = [f"{chance.randrange(1, 99)}.5e{chance.randrange(-2000, 2000)}" for _ in range(3)]
    return ("[" + ",".join(numbers) + ",1E400,-0,123456789012345678901]").encode()


def _nested(chance):
    # The deeper ones are past what the daemon reads itself.
    depth = chance.choice((10, 100, 1000))
    return b"[" * depth + b"1" + b"]" * depth


def _odd_layout(chance):
    return f' {{ "twice" :1,\t"twice":\r\n[ {chance.randrange(1000)} ] , "" : {{}} }}\n'.encode()


def _scalar(chance):
    return chance.choice((b"17", b"null", b"true", b'"\\u00e4 \\ud83d\\ude00"', b'""'))


def _large(chance):
    return json.dumps({"blob": "y" * chance.randrange(10_000, 100_000)}).encode()


GOOD = ((_plain, 70), (_unicode, 10), (_numbers, 5), (_nested, 4), (_odd_layout, 5), (_scalar, 5), (_large, 0.2))


# ---- poison: body, and the reasons that are right for it -------------------------------------------------------------

_DATABASE = ("rejected_by_database",)
_JSON = ("invalid_json",)
_EITHER = ("invalid_json", "rejected_by_database")
_LARGE = ("too_large",)


class Poison(NamedTuple):
    body: object  # of a random number generator
    reasons: tuple
    weight: int = 4


POISON = {
    "not_json": Poison(lambda chance: f'{{"n":{chance.randrange(1000)},'.encode(), _JSON),
    "plain_text": Poison(lambda chance: b"hello " + str(chance.random()).encode(), _JSON),
    "trailing_bytes": Poison(lambda chance: b'{"a":1} %d' % chance.randrange(9), _JSON),
    "empty": Poison(lambda _: b"", _JSON),
    "invalid_utf8": Poison(lambda _: b'{"a":"\xff\xfe"}', _EITHER),
    "zero_byte": Poison(lambda _: b'"a\0b"', _EITHER),
    "escaped_zero": Poison(lambda chance: b'{"n":%d,"a":"\\u0000"}' % chance.randrange(1000), _DATABASE),
    "lone_surrogate": Poison(lambda chance: b'["\\ud8%02x"]' % chance.randrange(256), _DATABASE),
    "number_out_of_range": Poison(lambda _: b'{"v":1e131072}', _DATABASE),
    "tiny_number": Poison(lambda _: b"[1e-16384]", _DATABASE),
    "deep_nesting": Poison(lambda _: b"[" * 200_000 + b"]" * 200_000, _DATABASE, 1),
    "too_many_bytes": Poison(lambda chance: b'"' + b"z" * (MIB + chance.randrange(1000)) + b'"', _LARGE, 1),
    "number_bomb": Poison(lambda chance: b"[" + b",".join([b"1e131071"] * chance.randrange(70, 2000)) + b"]", _LARGE),
    "number_bomb_in_object": Poison(
        lambda _: b"{" + b",".join(b'"%d":-1e131000' % i for i in range(80)) + b"}", _LARGE),
}


# ---- headers ---------------------------------------------------------------------------------------------------------


def _forged(chance):
    """What only a broker may say, said by a sender."""
    death = {"queue": "somebody_elses_queue", "reason": "delivery_limit", "count": 20, "exchange": "",
             "routing-keys": [f"tenant_{uuid.UUID(int=chance.getrandbits(128))}"]}
    return chance.choice((
        {"x-delivery-count": 99},
        {"x-death": [death]},
        {"x-first-death-reason": "expired", "x-first-death-queue": "somebody_elses_queue",
         "x-first-death-exchange": ""},
        {"x-delivery-count": 99, "x-death": [death, death], "x-first-death-reason": "delivery_limit"},
        {"x-delivery-count": "many", "x-first-death-reason": 7},
    ))


def _nest(levels):
    table = {"end": 1}
    for _ in range(levels):
        table = {"t": table}
    return table


def _hostile(chance):
    return chance.choice((
        {"deep": _nest(100)},
        {"not utf-8": RawText(b"\xff\xfe\x00\xc3("), "zero": "a\0b", "bytes": b"\x00\xff"},
        {RawText(b"key \xff\x00"): 1, "": {"": []}},
        {"huge": "h" * 60_000},
        {"many": [{"k": i, "v": "'\"\\\n"} for i in range(500)]},
        {"amqp": {"message_id": "forged", "user_id": "guest"}, "id": "forged", "seq": -1},
    ))


class Stream:
    """All messages of one publisher."""

    def __init__(self, seed, publisher, tenants):
        self._seed = seed
        self._publisher = publisher
        self._tenants = tenants

    def message(self, place):
        """The message at a place; one in twenty is an earlier one once more, the one just before or any.

        The first ones are one of each kind of poison, so that no run is too short for any of them.
        """
        while True:
            chance = random.Random(f"{self._seed}/{self._publisher}/{place}")
            if place < len(POISON) or chance.random() >= DUPLICATE_SHARE:
                return self._made(place, chance)
            place = place - 1 if chance.random() < 0.5 else chance.randrange(place)

    def _made(self, number, chance):
        tenant = chance.choice(self._tenants)
        message_id = stored_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        kind_of_id = chance.random()
        if kind_of_id < TEXT_ID_SHARE:
            message_id = f"Bestellung {self._publisher}/{number} für {message_id[:4]}"
            stored_id = str(uuid.uuid5(uuid.UUID(tenant), message_id))
        elif kind_of_id < TEXT_ID_SHARE + UPPER_CASE_ID_SHARE:
            message_id = message_id.upper()
        headers = {}
        kind_of_headers = chance.random()
        if kind_of_headers < FORGED_SHARE:
            headers.update(_forged(chance))
        elif kind_of_headers < FORGED_SHARE + HOSTILE_SHARE:
            headers.update(_hostile(chance))
        headers["slot"] = f"{self._publisher}-{number}"
        poison = None
        if number < len(POISON):
            poison = list(POISON)[number]
        elif chance.random() < POISON_SHARE:
            poison = chance.choices(list(POISON), [kind.weight for kind in POISON.values()])[0]
        if poison:
            body = POISON[poison].body(chance)
        else:
            body = chance.choices([make for make, _ in GOOD], [weight for _, weight in GOOD])[0](chance)
        return Message(number, tenant, message_id, stored_id, body, headers, poison, chance.random() < BY_QUEUE_SHARE)
