#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mtmsg::http {

/// What one request may be.
struct RequestLimits {
  std::size_t head_bytes = 16 << 10;      ///< request line and headers
  std::size_t line_bytes = 8000;          ///< the request line, or one header
  std::size_t header_lines = 100;         ///< headers
  std::uint64_t body_bytes = 16U << 20U;  ///< after taking a chunked body apart
};

/// Everything the server bounds.
struct ServerLimits {
  RequestLimits request;
  std::size_t prebuffer_bytes = 256 << 10;   ///< a body up to this size is collected without holding a thread
  std::size_t out_buffer_bytes = 256 << 10;  ///< the rest of an answer of up to this size is sent without a thread
  std::size_t buffered_bytes = 64 << 20;     ///< of unfinished requests and answers not taken, over all connections
  std::size_t connections = 4096;
  std::size_t connections_per_client = 256;  ///< of one client (clients.hpp)
  std::size_t turned_away = 64;         ///< connections beyond the limits that may still read why, for linger_timeout
  std::size_t workers = 8;              ///< threads that run handlers
  std::size_t blocked_workers = 64;     ///< more threads, that only wait for a slow client
  std::size_t blocked_per_client = 16;  ///< of these, for one client
  std::size_t queued_requests = 4096;   ///< whole requests that wait for a worker
  std::size_t streams = 32;             ///< answers of unknown length at a time
  std::size_t streams_per_client = 8;   ///< of these, for one client
  std::chrono::milliseconds settled_after{1'000};  ///< so long idle, a connection may give way to another client's
  std::chrono::milliseconds idle_timeout{60'000};  ///< of a connection without a request
  std::chrono::milliseconds request_timeout{
      30'000};  ///< of waiting for the client, from a request's first byte to its last
  std::chrono::milliseconds write_timeout{10'000};  ///< for each 64 KiB of an answer: the slowest reader we bear
  std::chrono::milliseconds linger_timeout{2'000};  ///< after a refusal, for the client to read it
  std::chrono::milliseconds stop_grace{5'000};      ///< for running requests when the server stops
};

}  // namespace mtmsg::http
