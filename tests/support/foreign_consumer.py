#!/usr/bin/python3
"""A consumer that knows nothing of mtmsg and treats a queue badly: takes all it holds and never answers, or refuses.

Each round is a connection of its own, so that the queue counts a delivery for every message.
"""

import argparse
import time

import pika


def take_all(url, queue, answer):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    taken = 0
    while True:
        method, _properties, _body = channel.basic_get(queue)
        if method is None:
            break
        taken += 1
        if answer == "refuse":
            channel.basic_reject(method.delivery_tag, requeue=False)
    connection.close()
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--refuse", action="store_true", help="refuse each message once")
    parser.add_argument("--until-empty", type=int, default=60, metavar="ROUNDS", help="at most so many rounds")
    options = parser.parse_args()
    empty = 0
    for _round in range(options.until_empty):
        # What a connection held comes back a moment after its end.
        empty = 0 if take_all(options.url, options.queue, "refuse" if options.refuse else "nothing") else empty + 1
        if empty == 10:
            return 0
        time.sleep(0.1)
    return 1


raise SystemExit(main())
