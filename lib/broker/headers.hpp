#pragma once

/// How AMQP properties become the `headers` column (the one place that says so).
///
/// {"<application header>": …, "amqp": {"content_type": "application/json", "message_id": "order-17", …}}
///
/// Application headers (the AMQP `headers` table) are the members of the object. The other properties that were set
/// stand under the one key "amqp" by their AMQP name with underscores; there, nobody can mistake an application's
/// header for a property that RabbitMQ checked (user_id). An application header named "amqp" is kept as
/// amqp.headers.amqp. `message_id` stands there only when it is not the id itself (not of UUID form).
/// x-delivery-count of a redelivery is the broker's, not the sender's, and is left out; so are x-death, x-first-death-*
/// and x-last-death-* of what came through the dead-letter exchange.
///
/// Always something `jsonb` takes: a string or key that is not UTF-8, or holds NUL, becomes {"base64": "…"} (a key:
/// "base64:…"), and so does AMQP's byte array always; numbers that JSON lacks (NaN, infinity) become strings;
/// timestamps RFC 3339 strings (the number of seconds after the year 9999); tables nested deeper than 64 levels end as
/// null. Of keys that occur twice the last counts, as in `jsonb`.
