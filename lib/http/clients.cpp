#include "http/clients.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace mtmsg::http {

std::string client_key(const auth::Peer& peer) {
  namespace ip = boost::asio::ip;
  if (peer.transport == auth::Peer::Transport::unix_socket) return "uid " + std::to_string(peer.uid);
  boost::system::error_code no_address;
  const auto address = ip::make_address(peer.address, no_address);
  if (no_address || !address.is_v6()) return peer.address;
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  return ip::make_network_v6(v6, 64).canonical().to_string();
}

Client& Clients::enter(const auth::Peer& peer) {
  auto key = client_key(peer);
  auto& client = clients_[key];
  if (!client) {
    client = std::make_unique<Client>();
    client->key = std::move(key);
  }
  ++client->connections;
  ++connections_;
  return *client;
}

void Clients::leave(Client& client) {
  --connections_;
  if (--client.connections == 0) clients_.erase(std::string(client.key));
}

}  // namespace mtmsg::http
