#!/usr/bin/python3
"""A publisher: a program of its own that knows nothing of mtmsg but the names of its exchanges and queues.

Its one argument is a job in JSON. It publishes at the job's rate until standard input says `finish`, then until
everything is confirmed, and ends with 0. When its connection breaks it connects again, to the next of the hosts in its
URL, and publishes once more what was not confirmed, under the same ids. What is confirmed goes into the ledger. Once a
second a line of JSON on standard output says how far it is. When standard input ends without `finish`, so does this.
"""

import json
import re
import signal
import sys
import threading
import time
from collections import deque

import pika
from pika.adapters.select_connection import IOLoop

from ledger import line_of
from messages import Stream

WINDOW = 500
TICK_S = 0.02
RECONNECT_S = 0.5
# A broker may keep a connection and confirm nothing more, as RabbitMQ 3.10 does when it was given something for a queue
# that had no leader at that moment; or refuse all for a queue whose leader's node was just dying when it was first used.
CONFIRM_LIMIT_S = 8
REPORT_S = 1.0
# One second in eight carries half of the messages, so that faults meet large transactions as well as small ones.
BURST_EVERY_S = 8
BURST_RATE = 4.0
QUIET_RATE = 4.0 / 7


def urls_of_each_host(url):
    before, hosts, path = re.fullmatch(r"(\w+://(?:[^@/]*@)?)([^/]*)(.*)", url).groups()
    return [before + host + path for host in hosts.split(",")]


def parameters_of(url):
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 4
    parameters.socket_timeout = 3
    parameters.stack_timeout = 6
    return parameters


class Publisher:
    def __init__(self, job):
        self.job = job
        self.stream = Stream(job["seed"], job["publisher"], job["tenants"])
        self.ledger = open(job["ledger"], "a", encoding="utf-8")
        self.servers = deque(parameters_of(url) for url in urls_of_each_host(job["url"]))
        self.servers.rotate(1 - job["publisher"])  # the first publisher begins with the first
        self.loop = IOLoop()
        self.channel = None
        self.place = 0
        self.again = deque()  # places to publish once more
        self.open = {}  # delivery tag -> place, oldest first
        self.sent_at = {}  # delivery tag -> when, for those
        self.returned = set()  # ids that no queue took
        self.refused_since = {}  # tenant -> when, of those whose queue has taken nothing since
        self.counts = {"published": 0, "confirmed": 0, "again": 0, "connections": 0}
        self.tag = 0
        self.credit = 0.0
        self.ticked_at = time.monotonic()
        self.reported_at = 0.0
        self.finishing = False
        self.exit_code = 1

    def run(self):
        threading.Thread(target=self.listen, daemon=True).start()
        self.connect()
        self.tick()
        self.loop.start()
        self.ledger.close()
        return self.exit_code

    def listen(self):
        for line in sys.stdin:
            if line.strip() == "finish":
                self.finishing = True
        if not self.finishing:
            self.loop.add_callback_threadsafe(self.loop.stop)

    # ---- the connection --------------------------------------------------------------------------------------------

    def connect(self):
        self.counts["connections"] += 1
        pika.SelectConnection(self.servers[0], on_open_callback=self.on_open, on_open_error_callback=self.on_lost,
                              on_close_callback=self.on_lost, custom_ioloop=self.loop)

    def on_open(self, connection):
        connection.channel(on_open_callback=self.on_channel)

    def on_channel(self, channel):
        channel.add_on_close_callback(self.on_channel_closed)
        channel.add_on_return_callback(lambda _channel, _method, properties, _body:
                                       self.returned.add(properties.message_id))
        channel.confirm_delivery(self.on_confirm, lambda _frame: self.on_ready(channel))

    def on_ready(self, channel):
        self.channel = channel
        self.tag = 0

    def on_channel_closed(self, channel, _reason):
        if channel.connection.is_open:
            channel.connection.close()

    def on_lost(self, _connection, _reason):
        self.channel = None
        self.servers.rotate(-1)
        self.again.extend(self.open.values())
        self.open.clear()
        self.sent_at.clear()
        self.returned.clear()
        self.refused_since.clear()
        if self.exit_code != 0:
            self.loop.call_later(RECONNECT_S, self.connect)

    def give_up(self):
        """Without a word, for which pika has no other door: who does not confirm does not listen either."""
        channel, self.channel = self.channel, None
        channel.connection._terminate_stream(pika.exceptions.ConnectionClosed(0, "no confirms"))

    # ---- publishing ------------------------------------------------------------------------------------------------

    def tick(self):
        now = time.monotonic()
        rate = self.job["rate"] * (BURST_RATE if int(now) % BURST_EVERY_S == 0 else QUIET_RATE)
        self.credit = min(self.credit + (now - self.ticked_at) * rate, rate * 0.5 + 1)
        self.ticked_at = now
        while self.channel and self.channel.is_open and self.credit >= 1 and len(self.open) < WINDOW:
            place = self.next_place()
            if place is None:
                break
            self.publish(place)
            self.credit -= 1
        oldest = min((next(iter(self.sent_at.values()), now), *self.refused_since.values()))
        if self.channel and self.channel.is_open and now - oldest > CONFIRM_LIMIT_S:
            self.give_up()
        if now - self.reported_at >= REPORT_S:
            self.reported_at = now
            self.report()
        if self.finishing and not self.open and not self.again:
            return self.leave()
        self.loop.call_later(TICK_S, self.tick)

    def next_place(self):
        if self.again:
            self.counts["again"] += 1
            return self.again.popleft()
        if self.finishing:
            return None
        self.place += 1
        return self.place - 1

    def publish(self, place):
        message = self.stream.message(place)
        if self.job.get("lose") == place:
            self.ledger.write(line_of(message))
            return
        properties = pika.BasicProperties(message_id=message.message_id, headers=message.headers,
                                          content_type="application/json", delivery_mode=2,
                                          timestamp=int(time.time()))
        exchange, key = f"tenant_{message.tenant}", ""
        if message.to_queue:
            exchange, key = "", f"tenant_{message.tenant}_queue"
        self.tag += 1
        self.open[self.tag] = place
        self.sent_at[self.tag] = time.monotonic()
        self.counts["published"] += 1
        self.channel.basic_publish(exchange, key, message.body, properties, mandatory=True)

    def on_confirm(self, frame):
        method = frame.method
        if method.multiple:
            tags = [tag for tag in self.open if tag <= method.delivery_tag]
        else:
            tags = [method.delivery_tag] if method.delivery_tag in self.open else []
        for tag in tags:
            del self.sent_at[tag]
            self.on_answer(self.open.pop(tag), method.NAME == "Basic.Ack")

    def on_answer(self, place, taken):
        message = self.stream.message(place)
        if message.message_id in self.returned:
            self.returned.discard(message.message_id)
            taken = False
        if not taken:
            self.again.append(place)
            self.refused_since.setdefault(message.tenant, time.monotonic())
            return
        self.refused_since.pop(message.tenant, None)
        self.counts["confirmed"] += 1
        self.ledger.write(line_of(message))

    def leave(self):
        self.exit_code = 0
        self.report()
        if self.channel and self.channel.is_open:
            self.channel.connection.close()
        self.loop.call_later(0.2, self.loop.stop)

    def report(self):
        self.ledger.flush()
        print(json.dumps({**self.counts, "open": len(self.open) + len(self.again)}), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(Publisher(json.loads(sys.argv[1])).run())
