// The gate's doors: who gets in, and who goes when there is no room for all.

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "http/gate.hpp"
#include "http/request_id.hpp"

namespace mtmsg::http {
namespace {

using std::chrono::steady_clock;

constexpr int kAcceptsAtOnce = 64;
constexpr std::chrono::milliseconds kAcceptRetry{100};  // after running out of descriptors

/// What is said without waiting: whoever does not take it is gone either way.
void say(int fd, const Problem& problem) {
  const auto answer = plain_answer(problem, request_id_of({}));
  (void)::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Problem too_many_connections(std::size_t limit) {
  return {429, "too_many_connections",
          "this client has " + std::to_string(limit) +
              " connections open, as many as it may (http.max_connections_per_client); close some"};
}

}  // namespace

void Gate::wait_for_clients(Door& door) {
  door.socket.async_wait(Wait::wait_read, [this, &door](boost::system::error_code error) {
    if (!error) accept_clients(door);
  });
}

void Gate::accept_clients(Door& door) {
  for (int count = 0; count < kAcceptsAtOnce; ++count) {
    FileDescriptor socket(::accept4(door.socket.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      admit(std::move(socket), door);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      door.retry.expires_after(kAcceptRetry);
      door.retry.async_wait([this, &door](boost::system::error_code error) {
        if (!error) accept_clients(door);
      });
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    }
  }
  wait_for_clients(door);
}

void Gate::admit(FileDescriptor socket, const Door& door) {
  auto peer = peer_of(socket.get());
  if (!peer) return;
  auto& client = clients_.enter(*peer);
  std::optional<Problem> refusal;
  if (client.connections > limits_.connections_per_client)
    refusal = too_many_connections(limits_.connections_per_client);
  else if (clients_.connections() > limits_.connections && !make_room(client))
    refusal = Problem(Rejection{503, "too many connections"});
  if (refusal) {
    clients_.leave(client);
    if (door.encrypted) return;  // nothing can be said before a handshake, and that is not worth it
    return turn_away(std::move(socket), std::move(*peer), *refusal);
  }
  if (peer->transport == auth::Peer::Transport::tcp) {
    const int on = 1;
    // Without it Nagle and delayed acknowledgements make each answer wait 40 ms. A failure costs no more than that.
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  auto& slot = add_slot(std::move(socket), std::move(*peer));
  slot.client = &client;
  slot.quiet_since = steady_clock::now();
  slot.deadline = slot.quiet_since + limits_.idle_timeout;
  if (door.encrypted) return greet(slot);
  wait_readable(slot);
}

Slot& Gate::add_slot(FileDescriptor socket, auth::Peer peer) {
  const auto id = next_id_++;
  auto slot = std::make_unique<Slot>(id, loop_, std::move(socket), std::move(peer), limits_);
  return *slots_.emplace(id, std::move(slot)).first->second;
}

/// Tells why. Some may stay for a moment, so that what they sent does not reset the connection before they read it.
void Gate::turn_away(FileDescriptor socket, auth::Peer peer, const Problem& problem) {
  if (turned_away_ >= limits_.turned_away) return say(socket.get(), problem);
  ++turned_away_;
  refuse(add_slot(std::move(socket), std::move(peer)), problem);
}

/// Every place is taken: one connection goes for the newcomer. First one of the client that has most, if that is more
/// than the newcomer has; of equals, one that asked for nothing for a while. The longest quiet goes first.
bool Gate::make_room(const Client& newcomer) {
  const auto settled = steady_clock::now() - limits_.settled_after;
  const auto goes_before = [](const Slot& left, const Slot& right) {
    if (left.client->connections != right.client->connections)
      return left.client->connections > right.client->connections;
    if (left.connection.idle() != right.connection.idle()) return left.connection.idle();
    return left.quiet_since < right.quiet_since;
  };
  Slot* victim = nullptr;
  for (const auto& [id, slot] : slots_) {
    if (!slot->client || (slot->phase != Slot::Phase::reading && slot->phase != Slot::Phase::greeting)) continue;
    const bool greedier = slot->client->connections > newcomer.connections;
    const bool settled_equal =
        slot->client->connections == newcomer.connections && slot->connection.idle() && slot->quiet_since <= settled;
    if ((greedier || settled_equal) && (!victim || goes_before(*slot, *victim))) victim = slot.get();
  }
  if (victim) evict(*victim);
  return victim != nullptr;
}

/// Are there bytes left? If not, those who hold more than the cause's client go. False: it is the cause that has to.
bool Gate::make_memory(const Slot& cause) {
  const auto holds_more = [](const Slot& left, const Slot& right) {
    return std::pair(left.client->bytes, left.counted_bytes) > std::pair(right.client->bytes, right.counted_bytes);
  };
  while (buffered_bytes_ > limits_.buffered_bytes) {
    Slot* victim = nullptr;
    for (const auto& [id, slot] : slots_) {
      if (!slot->client || !cause.client || slot->counted_bytes == 0) continue;
      if (slot->phase != Slot::Phase::reading && slot->phase != Slot::Phase::writing) continue;
      if (slot->client->bytes <= cause.client->bytes) continue;
      if (!victim || holds_more(*slot, *victim)) victim = slot.get();
    }
    if (!victim) return false;
    evict(*victim);
  }
  return true;
}

void Gate::evict(Slot& slot) {
  const bool asked = slot.phase == Slot::Phase::reading && !slot.connection.idle();
  if (asked) {
    const auto answer = plain_answer(Problem(Rejection{503, "others needed the room of this unfinished request"}),
                                     slot.connection.request_id());
    std::size_t sent = 0;
    (void)slot.connection.send(answer, sent);  // who does not take it at once is gone either way
  }
  close(slot);
}

}  // namespace mtmsg::http
