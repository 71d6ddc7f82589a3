#include "cmd/systemd/manager.hpp"

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace mtmsg::ctl::systemd {
namespace {

constexpr auto kService = "org.freedesktop.systemd1";
constexpr auto kPath = "/org/freedesktop/systemd1";
constexpr auto kManager = "org.freedesktop.systemd1.Manager";
constexpr auto kUnit = "org.freedesktop.systemd1.Unit";
constexpr auto kServiceUnit = "org.freedesktop.systemd1.Service";
constexpr auto kPrivateSocket = "unix:path=/run/systemd/private";
/// For one answer. systemd itself answers in milliseconds; a polkit agent asks a person.
constexpr std::uint64_t kAnswerMicroseconds = 25'000'000;

struct Unref {
  void operator()(sd_bus* bus) const noexcept { sd_bus_flush_close_unref(bus); }
  void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
  void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, Unref>;
using Slot = std::unique_ptr<sd_bus_slot, Unref>;
using Message = std::unique_ptr<sd_bus_message, Unref>;

/// What the other side answered instead.
class BusError {
 public:
  BusError() = default;
  ~BusError() { sd_bus_error_free(&error_); }
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;

  sd_bus_error* get() noexcept { return &error_; }
  bool is(const char* name) const noexcept { return sd_bus_error_has_name(&error_, name) > 0; }
  std::string text(int code) const {
    return error_.message != nullptr && *error_.message != '\0' ? error_.message : std::strerror(-code);
  }

 private:
  sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

Error translate(const BusError& error, int code, const std::string& unit) {
  if (error.is("org.freedesktop.systemd1.NoSuchUnit"))
    return fail(ErrorCode::not_found, "systemd knows no unit " + unit);
  if (error.is("org.freedesktop.systemd1.UnitMasked"))
    return fail(ErrorCode::conflict, unit + " is masked; 'systemctl unmask " + unit + "' lets it be started again");
  if (error.is("org.freedesktop.systemd1.JobTypeNotApplicable"))
    return fail(ErrorCode::conflict, unit + " can't be reloaded: its unit file has no ExecReload=");
  if (error.is(SD_BUS_ERROR_ACCESS_DENIED) || error.is(SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) ||
      code == -EACCES || code == -EPERM)
    return fail(ErrorCode::forbidden, "systemd lets only an administrator do this to " + unit);
  const bool cut = code == -ECONNRESET || code == -ENOTCONN || code == -EPIPE || code == -ETIMEDOUT;
  return fail(cut ? ErrorCode::timeout : ErrorCode::internal,
              (cut ? "systemd did not answer: " : "systemd refused: ") + error.text(code));
}

/// Open to everybody through the bus; to root directly, too, and then without one.
Result<Bus> open_bus() {
  sd_bus* raw = nullptr;
  int code = 0;
  if (::geteuid() == 0 && sd_bus_new(&raw) >= 0) {
    Bus direct(raw);
    if (sd_bus_set_address(direct.get(), kPrivateSocket) >= 0 && sd_bus_start(direct.get()) >= 0) return direct;
    raw = nullptr;
  }
  code = sd_bus_open_system(&raw);
  if (code >= 0) return Bus(raw);
  return fail(ErrorCode::timeout, std::string("can't reach systemd over the system's bus: ") + std::strerror(-code));
}

const char* method_of(JobKind kind) noexcept {
  switch (kind) {
    case JobKind::start:
      return "StartUnit";
    case JobKind::stop:
      return "StopUnit";
    case JobKind::restart:
      return "RestartUnit";
    case JobKind::reload:
      return "ReloadUnit";
  }
  return "";
}

/// The results of jobs that ended since it was made, by the jobs' paths: one may end before its path is known here.
class EndedJobs {
 public:
  /// Error: as sd-bus has it.
  int watch(sd_bus* bus) {
    sd_bus_slot* slot = nullptr;
    const int code = sd_bus_match_signal(bus, &slot, kService, kPath, kManager, "JobRemoved", &EndedJobs::note, this);
    slot_.reset(slot);
    return code;
  }
  std::optional<std::string> result_of(const std::string& job) const {
    const auto found = results_.find(job);
    return found == results_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  static int note(sd_bus_message* message, void* self, sd_bus_error*) noexcept {
    std::uint32_t id = 0;
    const char *job = nullptr, *unit = nullptr, *result = nullptr;
    if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0) return 0;
    try {
      static_cast<EndedJobs*>(self)->results_.emplace(job, result);
    } catch (const std::bad_alloc&) {
      return -ENOMEM;
    }
    return 0;
  }

  Slot slot_;
  std::map<std::string, std::string> results_;
};

/// Reads properties of one unit; what is not there stays as it is.
class Properties {
 public:
  Properties(sd_bus* bus, std::string path) : bus_(bus), path_(std::move(path)) {}

  void text(const char* interface, const char* name, std::string& value) {
    char* got = nullptr;
    BusError error;
    if (sd_bus_get_property_string(bus_, kService, path_.c_str(), interface, name, error.get(), &got) < 0) return;
    const std::unique_ptr<char, decltype(&std::free)> owner(got, &std::free);
    value = got;
  }
  template <class T>
  void number(const char* interface, const char* name, char type, T& value) {
    BusError error;
    T got{};
    if (sd_bus_get_property_trivial(bus_, kService, path_.c_str(), interface, name, error.get(), type, &got) >= 0)
      value = got;
  }
  /// systemd says "not known" with the highest number.
  void known(const char* name, std::optional<std::uint64_t>& value) {
    std::uint64_t got = UINT64_MAX;
    number(kServiceUnit, name, 't', got);
    if (got != UINT64_MAX) value = got;
  }

 private:
  sd_bus* bus_;
  std::string path_;
};

class BusManager final : public Manager {
 public:
  explicit BusManager(Bus bus) : bus_(std::move(bus)) {}

  Result<UnitStatus> status(const std::string& unit) override {
    auto path = ask("LoadUnit", unit, nullptr);
    if (path.has_error()) return path.error();
    UnitStatus out;
    out.unit = unit;
    Properties read(bus_.get(), std::move(*path));
    read.text(kUnit, "Description", out.description);
    read.text(kUnit, "LoadState", out.load_state);
    read.text(kUnit, "ActiveState", out.active_state);
    read.text(kUnit, "SubState", out.sub_state);
    read.text(kUnit, "UnitFileState", out.enabled);
    read.text(kServiceUnit, "Result", out.result);
    read.text(kServiceUnit, "StatusText", out.status_text);
    read.number(kServiceUnit, "MainPID", 'u', out.main_pid);
    read.number(kServiceUnit, "ExecMainCode", 'i', out.exit_code);
    read.number(kServiceUnit, "ExecMainStatus", 'i', out.exit_status);
    read.number(kServiceUnit, "NRestarts", 'u', out.restarts);
    read.known("MemoryCurrent", out.memory_bytes);
    read.known("TasksCurrent", out.tasks);
    std::uint64_t since = 0;
    read.number(kUnit, "StateChangeTimestamp", 't', since);
    if (since > 0) out.since = Timestamp(std::chrono::microseconds(since));
    if (out.load_state.empty()) return fail(ErrorCode::timeout, "systemd did not answer about " + unit);
    return out;
  }

  Result<JobOutcome> run(JobKind kind, const std::string& unit, std::chrono::seconds patience) override {
    EndedJobs ended;
    BusError error;
    int code = ended.watch(bus_.get());
    // Only who subscribed is told of jobs.
    if (code >= 0)
      code = sd_bus_call_method(bus_.get(), kService, kPath, kManager, "Subscribe", error.get(), nullptr, nullptr);
    if (code < 0) return translate(error, code, unit);
    const auto job = ask(method_of(kind), unit, "replace");
    if (job.has_error()) return job.error();
    return wait_for(ended, *job, unit, patience);
  }

 private:
  /// Calls a method of the manager that answers with an object's path.
  Result<std::string> ask(const char* method, const std::string& unit, const char* mode) {
    sd_bus_message* raw = nullptr;
    if (int code = sd_bus_message_new_method_call(bus_.get(), &raw, kService, kPath, kManager, method); code < 0)
      return fail(ErrorCode::internal, std::strerror(-code));
    const Message call(raw);
    int code = sd_bus_message_append(call.get(), "s", unit.c_str());
    if (code >= 0 && mode != nullptr) code = sd_bus_message_append(call.get(), "s", mode);
    BusError error;
    sd_bus_message* answered = nullptr;
    if (code >= 0) code = sd_bus_call(bus_.get(), call.get(), kAnswerMicroseconds, error.get(), &answered);
    const Message answer(answered);
    const char* path = nullptr;
    if (code >= 0) code = sd_bus_message_read(answer.get(), "o", &path);
    if (code < 0) return translate(error, code, unit);
    return std::string(path);
  }

  Result<JobOutcome> wait_for(const EndedJobs& ended, const std::string& job, const std::string& unit,
                              std::chrono::seconds patience) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + patience;
    for (;;) {
      int code = sd_bus_process(bus_.get(), nullptr);
      if (auto result = ended.result_of(job)) return JobOutcome{std::move(result)};
      if (code > 0) continue;
      const auto left = std::chrono::duration_cast<std::chrono::microseconds>(until - Clock::now()).count();
      if (code == 0 && left <= 0) return JobOutcome{};
      if (code == 0) code = sd_bus_wait(bus_.get(), static_cast<std::uint64_t>(left));
      if (code < 0 && code != -EINTR) return translate(BusError(), code, unit);
    }
  }

  Bus bus_;
};

}  // namespace

bool is_running() noexcept {
  return sd_booted() > 0;
}

Result<std::unique_ptr<Manager>> connect() {
  auto bus = open_bus();
  if (bus.has_error()) return bus.error();
  return std::unique_ptr<Manager>(std::make_unique<BusManager>(std::move(*bus)));
}

}  // namespace mtmsg::ctl::systemd
