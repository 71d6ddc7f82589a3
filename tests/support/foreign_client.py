#!/usr/bin/python3
"""A producer that knows nothing of mtmsg: publishes what standard input or the options say, over pika."""

import argparse
import base64
import json
import random
import sys
import uuid

import pika


def from_input():
    for line in sys.stdin:
        message = json.loads(line)
        body = message["body"].encode() if "body" in message else base64.b64decode(message["body_base64"])
        properties = pika.BasicProperties(
            message_id=message.get("message_id"), headers=message.get("headers"),
            timestamp=message.get("timestamp"), content_type=message.get("content_type", "application/json"),
            delivery_mode=2)
        yield message.get("exchange", ""), message.get("routing_key", ""), body, properties


def made_up(exchanges, count, seed):
    chance = random.Random(seed)
    for number in range(1, count + 1):
        exchange = exchanges[number % len(exchanges)]
        body = json.dumps({"n": number, "exchange": exchange, "text": "x" * chance.randrange(200)}).encode()
        identity = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        yield exchange, "", body, pika.BasicProperties(message_id=identity, content_type="application/json",
                                                        delivery_mode=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--no-confirm", action="store_true")
    parser.add_argument("--exchange", action="append", default=[])
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    connection = pika.BlockingConnection(pika.URLParameters(options.url))
    channel = connection.channel()
    if not options.no_confirm:
        channel.confirm_delivery()
    messages = made_up(options.exchange, options.count, options.seed) if options.exchange else from_input()
    for exchange, key, body, properties in messages:
        channel.basic_publish(exchange, key, body, properties, mandatory=not options.no_confirm)
    connection.close()


main()
