#!/usr/bin/python3
"""Publishes demonstration messages to a tenant's exchange, as a producer that knows nothing of mtmsg would."""

import argparse
import json
import sys
import time
import uuid

import pika

EXAMPLES = """examples:
  tools/publish-demo.py --url "$MTMSG_BROKER_URL" --exchange tenant_0190f3c8-… --count 100
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="AMQP URL of the broker")
    parser.add_argument("--exchange", required=True, help="exchange to publish to: tenant_ID")
    parser.add_argument("--count", type=int, default=10, help="how many messages (default: 10)")
    parser.add_argument("--subject", default="order", help="what the messages are about (default: order)")
    arguments = parser.parse_args()

    try:
        connection = pika.BlockingConnection(pika.URLParameters(arguments.url))
    except pika.exceptions.AMQPConnectionError as error:
        print(f"publish-demo.py: can't reach {arguments.url}: {error!r}", file=sys.stderr)
        return 3
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(1, arguments.count + 1):
            body = {"event": f"{arguments.subject}.created", "number": number, "amount": round(number * 9.99, 2)}
            properties = pika.BasicProperties(message_id=str(uuid.uuid4()), content_type="application/json",
                                              delivery_mode=2, timestamp=int(time.time()))
            channel.basic_publish(arguments.exchange, "", json.dumps(body).encode(), properties, mandatory=True)
    except (pika.exceptions.AMQPError, pika.exceptions.NackError, pika.exceptions.UnroutableError) as error:
        print(f"publish-demo.py: publishing to {arguments.exchange} failed: {error!r}", file=sys.stderr)
        return 1
    finally:
        if connection.is_open:
            connection.close()
    print(f"published {arguments.count} messages to {arguments.exchange}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
