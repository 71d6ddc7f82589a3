#include "support/servers.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <pqxx/pqxx>
#include <unistd.h>

#include "broker/amqp/api.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

namespace fs = std::filesystem;

struct Stat {
  pid_t parent = 0;
  long own_ticks = 0;       ///< user and system
  long children_ticks = 0;  ///< of those it has waited for
};

/// proc(5), /proc/pid/stat, from its third field on; nothing when the process has ended.
std::optional<Stat> stat_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text) || text.rfind(')') == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  Stat stat;
  std::string skipped;
  fields >> skipped >> stat.parent;
  for (int i = 5; i < 14; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  long children_user = 0;
  long children_system = 0;
  fields >> user >> system >> children_user >> children_system;
  stat.own_ticks = user + system;
  stat.children_ticks = children_user + children_system;
  return stat;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

/// The socket that listens there, as /proc/pid/fd names it.
std::optional<std::string> listening_socket(std::uint16_t port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      const bool listens = state == "0A";
      if (listens && std::stoul(local.substr(local.rfind(':') + 1), nullptr, 16) == port)
        return "socket:[" + inode + "]";
    }
  }
  return std::nullopt;
}

bool holds(pid_t pid, const std::string& socket) {
  std::error_code gone;
  for (fs::directory_iterator each("/proc/" + std::to_string(pid) + "/fd", gone), end; !gone && each != end;
       each.increment(gone)) {
    if (fs::read_symlink(each->path(), gone) == socket) return true;
    gone.clear();
  }
  return false;
}

}  // namespace

std::optional<ServerProcess> ServerProcess::listening_on(std::uint16_t port) {
  const auto socket = listening_socket(port);
  if (!socket) return std::nullopt;
  // A child may have the socket from its parent, which is the older one.
  auto pids = all_pids();
  std::sort(pids.begin(), pids.end());
  const auto found = std::find_if(pids.begin(), pids.end(), [&](pid_t pid) { return holds(pid, *socket); });
  if (found == pids.end()) return std::nullopt;
  return ServerProcess(*found);
}

std::chrono::milliseconds ServerProcess::cpu_time() const {
  std::multimap<pid_t, pid_t> children;
  std::map<pid_t, Stat> stats;
  for (const auto pid : all_pids()) {
    const auto stat = stat_of(pid);
    if (!stat) continue;
    stats[pid] = *stat;
    children.emplace(stat->parent, pid);
  }
  long ticks = 0;
  std::vector<pid_t> ahead{pid_};
  while (!ahead.empty()) {
    const auto pid = ahead.back();
    ahead.pop_back();
    ticks += stats[pid].own_ticks + stats[pid].children_ticks;
    const auto [begin, end] = children.equal_range(pid);
    for (auto child = begin; child != end; ++child) ahead.push_back(child->second);
  }
  return std::chrono::milliseconds(ticks * 1000 / ::sysconf(_SC_CLK_TCK));
}

std::size_t ServerProcess::memory_bytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::uint16_t broker_port() {
  auto url = broker_url();
  amqp_connection_info info{};
  if (amqp_parse_url(url.data(), &info) != AMQP_STATUS_OK) throw std::runtime_error("not an AMQP URL");
  return static_cast<std::uint16_t>(info.port);
}

std::uint16_t database_port() {
  pqxx::connection connection(server_database_url());
  return static_cast<std::uint16_t>(std::stoi(connection.port()));
}

}  // namespace mtmsg::test
