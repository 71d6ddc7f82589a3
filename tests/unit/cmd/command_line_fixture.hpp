#pragma once

#include <csignal>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>

#include "cmd/app.hpp"

namespace mtmsg::ctl {

inline constexpr auto kId = "0190d3c4-5a6b-7c8d-9e0f-112233445566";

inline std::string tenant_json(const std::string& more = "") {
  return std::string(R"({"id":")") + kId +
         R"(","name":"acme","state":"active","workers":5,"paused":false,"ordered":false,)"
         R"("created_at":"2026-01-31T12:00:00.5Z","updated_at":"2026-01-31T12:00:00Z")" +
         more + "}";
}

inline std::string detail_json() {
  return tenant_json(
      R"(,"messages":12,"oldest_seq":3,"dead_letters":1,"queue":{"ready":7,"consumers":1},"activity":{"consuming":true})");
}

using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

inline Handler says(std::string body, int status = 200, std::string type = "application/json") {
  return [=](const httplib::Request&, httplib::Response& response) {
    response.status = status;
    response.set_content(body, type.c_str());
  };
}

struct Ran {
  int code;
  std::string out;
  std::string err;
};

/// A daemon that answers what a test says, and a command line run against it.
class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    std::signal(SIGPIPE, SIG_IGN);
    port_ = server.bind_to_any_port("127.0.0.1");
  }
  ~CommandLineTest() override {
    if (!thread_.joinable()) return;
    server.stop();
    thread_.join();
  }

  Ran run_line(std::vector<std::string> args, const std::string& input = "") {
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { server.listen_after_bind(); });
      while (!server.is_running()) std::this_thread::yield();
    }
    args.insert(args.begin(), {"--endpoint", url()});
    return run_alone(args, input);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// Without any server.
  Ran run_alone(const std::vector<std::string>& args, const std::string& input = "") {
    StringSink out, err;
    std::istringstream in(input);
    Surroundings around{out, err, in};
    around.in_is_terminal = in_is_terminal;
    around.out_is_terminal = out_is_terminal;
    const auto code = run(args, around);
    return {static_cast<int>(code), out.text, err.text};
  }

  httplib::Server server;
  bool in_is_terminal = false;
  bool out_is_terminal = false;

 private:
  int port_ = 0;
  std::thread thread_;
};

}  // namespace mtmsg::ctl
