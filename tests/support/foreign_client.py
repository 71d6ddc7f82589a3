#!/usr/bin/python3
"""A producer that knows nothing of mtmsg: publishes what standard input or the options say, over pika.

Every message is confirmed by the broker before this ends with 0, with up to WINDOW of them on their way at a time:
RabbitMQ may drop the last unconfirmed ones of a client that closes its channel.
"""

import argparse
import base64
import json
import random
import sys
import uuid

import pika

WINDOW = 500


def from_input():
    for line in sys.stdin:
        message = json.loads(line)
        body = message["body"].encode() if "body" in message else base64.b64decode(message["body_base64"])
        properties = pika.BasicProperties(
            message_id=message.get("message_id"), headers=message.get("headers"),
            timestamp=message.get("timestamp"), content_type=message.get("content_type", "application/json"),
            expiration=message.get("expiration"),
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


class Publisher:
    def __init__(self, url, messages):
        self.messages = messages
        self.sent = 0
        self.confirmed = 0
        self.finished = False
        self.trouble = None
        self.open_tags = set()
        self.connection = pika.SelectConnection(
            pika.URLParameters(url), on_open_callback=lambda connection: connection.channel(
                on_open_callback=self.on_channel),
            on_open_error_callback=self.on_end, on_close_callback=self.on_end)

    def run(self):
        self.connection.ioloop.start()
        return self.trouble

    def on_end(self, _connection, reason):
        if not self.finished:
            self.trouble = self.trouble or repr(reason)
        self.connection.ioloop.stop()

    def on_channel(self, channel):
        self.channel = channel
        channel.add_on_close_callback(self.on_channel_closed)
        channel.add_on_return_callback(lambda _channel, method, _properties, _body: self.fail(method.reply_text))
        channel.confirm_delivery(self.on_confirm, lambda _frame: self.publish())

    def on_channel_closed(self, _channel, reason):
        if not self.finished:
            self.fail(repr(reason))

    def fail(self, why):
        self.trouble = self.trouble or why
        if self.connection.is_open:
            self.connection.close()

    def on_confirm(self, frame):
        method = frame.method
        if method.NAME != "Basic.Ack":
            return self.fail("the broker refused message " + str(method.delivery_tag))
        if method.multiple:
            self.open_tags = {tag for tag in self.open_tags if tag > method.delivery_tag}
        else:
            self.open_tags.discard(method.delivery_tag)
        self.publish()

    def publish(self):
        if self.trouble:
            return
        while len(self.open_tags) < WINDOW and not self.finished:
            message = next(self.messages, None)
            if message is None:
                break
            exchange, key, body, properties = message
            self.sent += 1
            self.open_tags.add(self.sent)
            self.channel.basic_publish(exchange, key, body, properties, mandatory=True)
        if not self.open_tags and not self.finished:
            self.finished = True
            self.connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--exchange", action="append", default=[], help="publish made-up messages to these in turn")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    messages = made_up(options.exchange, options.count, options.seed) if options.exchange else from_input()
    trouble = Publisher(options.url, messages).run()
    if trouble:
        print(f"foreign_client.py: {trouble}", file=sys.stderr)
    return 1 if trouble else 0


sys.exit(main())
