// Preloaded into a daemon, it stands for a defect that one message sets off: the daemon is gone the moment the
// message's bytes are on their way to PostgreSQL.

#include <string_view>

#include <dlfcn.h>
#include <signal.h>

struct pg_conn;

extern "C" int PQputCopyData(pg_conn* connection, const char* buffer, int size) {
  if (std::string_view(buffer, static_cast<std::size_t>(size)).find("KILLS-THE-DAEMON") != std::string_view::npos) {
    ::raise(SIGKILL);
  }
  using Next = int (*)(pg_conn*, const char*, int);
  static const auto next = reinterpret_cast<Next>(::dlsym(RTLD_NEXT, "PQputCopyData"));
  return next(connection, buffer, size);
}
