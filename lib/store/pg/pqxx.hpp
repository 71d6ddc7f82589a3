#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <libpq-fe.h>
#include <pqxx/pqxx>

/// What differs between libpqxx 6 and 7, and nothing else. Both are given a libpq connection that is already open, so
/// that COPY can use it directly. Version 6 tries to reopen a broken one when asked to use it: Connection never does.
namespace mtmsg::store::pg {

/// Text parameters; nullopt is NULL.
using Params = std::vector<std::optional<std::string>>;

#if PQXX_VERSION_MAJOR < 7

class PqxxConnection {
 public:
  /// Owns `open` from here on.
  explicit PqxxConnection(PGconn* open) : adopted_(open) {}
  pqxx::connection_base& get() { return adopted_; }

 private:
  class GiveOnce : public pqxx::connectionpolicy {
   public:
    explicit GiveOnce(PGconn* open) : connectionpolicy(std::string()), open_(open) {}
    handle do_startconnect(handle current) override { return current ? current : std::exchange(open_, nullptr); }
    handle do_completeconnect(handle current) override { return current; }
    handle do_dropconnect(handle current) noexcept override { return current; }

   private:
    PGconn* open_;
  };

  class Adopted : public pqxx::connection_base {
   public:
    explicit Adopted(PGconn* open) : connection_base(policy_), policy_(open) { init(); }
    ~Adopted() { close(); }

   private:
    GiveOnce policy_;
  };

  Adopted adopted_;
};

inline pqxx::result exec_params(pqxx::transaction_base& tx, const std::string& sql, const Params& params) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const auto& param : params) values.push_back(param ? param->c_str() : nullptr);
  return tx.exec_params(sql, pqxx::prepare::make_dynamic_params(values));
}

#else

class PqxxConnection {
 public:
  /// Owns `open` from here on.
  explicit PqxxConnection(PGconn* open) : adopted_(pqxx::connection::seize_raw_connection(open)) {}
  pqxx::connection& get() { return adopted_; }

 private:
  pqxx::connection adopted_;
};

inline pqxx::result exec_params(pqxx::transaction_base& tx, const std::string& sql, const Params& params) {
  pqxx::params values;
  values.reserve(params.size());
  for (const auto& param : params) {
    if (param)
      values.append(pqxx::zview(*param));
    else
      values.append();
  }
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
  return tx.exec(sql, values);
#else
  return tx.exec_params(sql, values);
#endif
}

#endif

}  // namespace mtmsg::store::pg
