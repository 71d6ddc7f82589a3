// A disk of the database's that is really full, under a real daemon.

#include <functional>

#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <pwd.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

/// Runs when it goes out of scope.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> what) : what_(std::move(what)) {}
  ~AtEnd() {
    try {
      what_();
    } catch (const std::exception&) {
      // What can't be cleaned up must not hide why the test failed.
    }
  }

 private:
  std::function<void()> what_;
};

/// A file system of some megabytes that the server can write to; gone with the object.
class SmallDisk {
 public:
  SmallDisk() {
    char folder[] = "/tmp/mtmsg-disk-XXXXXX";
    if (::mkdtemp(folder) == nullptr) throw std::runtime_error("cannot make a temporary folder");
    folder_ = folder;
    const auto* server = ::getpwnam("postgres");
    if (::geteuid() != 0 || server == nullptr) {
      trouble_ = "only root can mount a small disk and give it to the server's user";
    } else if (::mount("tmpfs", folder, "tmpfs", 0, "size=4m") != 0) {
      trouble_ = "a small disk can't be mounted here";
    } else {
      mounted_ = true;
      if (::chown(folder, server->pw_uid, server->pw_gid) != 0) trouble_ = "can't give the disk to the server's user";
    }
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    ::rmdir(folder_.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  const std::string& folder() const { return folder_; }
  const std::string& trouble() const { return trouble_; }
  bool grow() const { return ::mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, "size=256m") == 0; }

 private:
  std::string folder_;
  std::string trouble_;
  bool mounted_ = false;
};

TEST(FullDisk, IsWaitedForUntilThereIsRoom) {
  const SmallDisk disk;
  if (!disk.trouble().empty()) GTEST_SKIP() << disk.trouble();
  const auto tablespace = unique_name();
  try {
    server_sql("create tablespace " + tablespace + " location '" + disk.folder() + "'");
  } catch (const pqxx::sql_error& error) {
    GTEST_SKIP() << "the server can't use the small disk: " << error.what();
  }
  const AtEnd drop([&] { server_sql("drop tablespace " + tablespace); });
  World world(Settings{{"MTMSG_DATABASE_WRITERS", "1"}});
  world.start_daemon();
  // The tenants' partitions go to the small disk.
  world.sql("alter database " + world.sql("select current_database()") + " set default_tablespace = " + tablespace);
  world.sql(
      "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database() "
      "and application_name like 'mtmsgd%'");
  const auto tenant = world.create_tenant("acme");
  std::string lines;
  constexpr std::int64_t kMessages = 100;
  for (std::int64_t i = 0; i < kMessages; ++i) {
    std::string text;
    while (text.size() < 100'000) text += Uuid::v4().to_string();
    lines += foreign_line(tenant.id, "\"" + text + "\"", Uuid::v4().to_string());
  }
  foreign_publish(lines);
  ASSERT_TRUE(eventually([&] { return world.not_ready("writers").find("53100") != std::string::npos; }))
      << world.picture();
  EXPECT_FALSE(world.ready());
  EXPECT_LT(world.stored(), kMessages);
  EXPECT_EQ(world.logged("database_away"), 1U) << world.log();
  ASSERT_TRUE(disk.grow());
  ASSERT_TRUE(eventually([&] { return world.stored() == kMessages; })) << world.picture();
  EXPECT_EQ(world.gaps_and_doubles(), "");
  EXPECT_EQ(world.number("select count(*) from dead_letters"), 0);
  EXPECT_TRUE(eventually([&] { return world.ready() && world.logged("database_back") == 1; })) << world.log();
  EXPECT_EQ(world.logged("database_away"), 1U) << world.log();
}

}  // namespace
}  // namespace mtmsg::test
