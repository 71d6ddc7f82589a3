#!/usr/bin/python3
"""A producer that sends what AMQP allows and nobody expects: every field type, nested tables, bytes that are no text,
strings up to the frame's end, headers that pretend to be the broker's. Each message's body names its case. Prints
the names, one a line, as the broker confirms them.
"""

import argparse
import datetime
import decimal
import json
import struct
import sys

import pika
import pika.data
import pika.exceptions

FRAME_BYTES = 131072 - 8


class Raw(bytes):
    """A field value as it stands on the wire, type octet and all."""


encode_value = pika.data.encode_value


def encode_raw(pieces, value):
    if isinstance(value, Raw):
        pieces.append(bytes(value))
        return len(value)
    return encode_value(pieces, value)


pika.data.encode_value = encode_raw


def long_string(octets):
    return Raw(b"S" + struct.pack(">I", len(octets)) + octets)


def nested(levels, leaf):
    for _ in range(levels):
        leaf = {"in": leaf}
    return leaf


def nested_lists(levels):
    leaf = 1
    for _ in range(levels):
        leaf = [leaf]
    return leaf


EVERY_TYPE = {
    "t": Raw(b"t\1"), "b": Raw(b"b\x80"), "B": Raw(b"B\xff"), "s": Raw(b"s\x80\0"), "u": Raw(b"u\xff\xff"),
    "I": Raw(b"I\x80\0\0\0"), "i": Raw(b"i\xff\xff\xff\xff"), "l": Raw(b"l\x80\0\0\0\0\0\0\0"),
    "f": Raw(b"f" + struct.pack(">f", 1.5)), "d": Raw(b"d" + struct.pack(">d", -1e300)),
    "D": Raw(b"D\xff\x7f\xff\xff\xff"), "S": "text", "A": [1, [2, {"three": None}]], "F": {"x": {"y": 1}},
    "T": datetime.datetime(2026, 1, 2, 3, 4, 5), "far": Raw(b"T\xff\xff\xff\xff\xff\xff\xff\xff"), "V": None,
    "x": Raw(b"x\0\0\0\4\0\xff\xfe\x01"), "money": decimal.Decimal("12.50"),
}

FORGED_DEATH = [{"queue": "tenant_00000000-0000-0000-0000-000000000000_queue", "reason": "delivery_limit",
                 "count": 99, "exchange": "somebody-elses", "routing-keys": ["tenant_other"]}]


def cases(queue):
    yield "every_type", {"headers": EVERY_TYPE}
    yield "not_a_number", {"headers": {"nan": Raw(b"d" + struct.pack(">d", float("nan")))}}
    yield "nested_100", {"headers": nested(100, 1)}
    yield "nested_lists_100", {"headers": {"list": nested_lists(100)}}
    yield "nested_2000", {"headers": nested(2000, 1)}
    yield "long_string", {"headers": {"long": "x" * (FRAME_BYTES - 200)}}
    yield "many_headers", {"headers": {"h%d" % i: i for i in range(5000)}}
    yield "no_text", {"headers": {"bytes": long_string(b"\xff\xfe\0\xc3("), "nul": "a\0b", "half": long_string(b"\xed\xa0\x80")}}
    yield "no_text_key", {"headers": {"\x01\x1b[2J": 1, "": 2, "a\0b": 3}}
    yield "no_text_properties", {"content_type": b"\xff\xfe", "correlation_id": b"\0\1\2", "app_id": "\x1b[31m",
                                 "type": "x" * 255, "reply_to": b"\xc3", "content_encoding": b"gzip\xff"}
    yield "id_of_any_bytes", {"message_id": b"\xff\0\xfe not text"}
    yield "id_of_255_bytes", {"message_id": "i" * 255}
    yield "empty_id", {"message_id": ""}
    yield "forged_delivery_count", {"headers": {"x-delivery-count": 99}}
    yield "forged_delivery_count_of_a_type", {"headers": {"x-delivery-count": "ninety-nine"}}
    yield "forged_death", {"headers": {"x-death": FORGED_DEATH, "x-first-death-queue": "tenant_other",
                                       "x-first-death-reason": "rejected", "x-first-death-exchange": "elsewhere"}}
    yield "forged_death_of_a_type", {"headers": {"x-death": 7, "x-first-death-queue": [1]}}
    yield "copied_to", {"headers": {"CC": [queue + "_nowhere"]}}
    yield "named_amqp", {"headers": {"amqp": {"message_id": "forged"}, "amqp.headers.amqp": 1}}
    yield "time_far_away", {"timestamp": 2**63 - 1}
    yield "time_zero", {"timestamp": 0}
    yield "priority", {"priority": 255, "expiration": "86400000"}


def main():
    sys.setrecursionlimit(50000)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--exchange", required=True)
    options = parser.parse_args()
    for name, properties in cases(options.exchange):
        properties.setdefault("message_id", name)
        connection = pika.BlockingConnection(pika.URLParameters(options.url))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(options.exchange, "", json.dumps({"case": name}).encode(),
                                  pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)
            connection.close()
            print(name, flush=True)
        except pika.exceptions.AMQPError as error:
            # Some are too much for the broker itself.
            print(f"{name}: {error!r}", file=sys.stderr)


sys.exit(main())
