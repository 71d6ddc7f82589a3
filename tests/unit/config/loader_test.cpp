#include "config/loader.hpp"

#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/options.hpp"
#include "config/print.hpp"

namespace mtmsg::config {
namespace {

using namespace std::chrono_literals;

const Environment kUrls{{"MTMSG_DATABASE_URL", "postgresql://u:s3cret@h/db"},
                        {"MTMSG_BROKER_URL", "amqp://guest:s3cret@localhost/"}};

Loaded load_toml(std::string_view toml, Environment environment = kUrls) {
  return load_text(toml, "m.toml", environment);
}

std::vector<std::string> problems(std::string_view toml, const Environment& environment = kUrls) {
  std::vector<std::string> lines;
  for (const auto& problem : load_toml(toml, environment).problems) lines.push_back(problem.to_string());
  return lines;
}

/// A directory that goes away with the test.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "mtmsg-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }
  std::string file(const std::string& name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

using Lines = std::vector<std::string>;

TEST(Config, RunsWithTheDefaultsAndTwoUrls) {
  const auto loaded = load_toml("");
  ASSERT_TRUE(loaded.ok()) << loaded.problems.front().to_string();
  EXPECT_EQ(loaded.config.http.listen, "127.0.0.1:8080");
  EXPECT_EQ(loaded.config.tenants.workers, 3U);
  EXPECT_EQ(loaded.config.tenants.batch, 500U);
  EXPECT_EQ(loaded.config.limits.memory_bytes, Bytes{192U << 20});
  EXPECT_EQ(loaded.config.socket.mode, FileMode{0660});
  EXPECT_EQ(loaded.config.broker.queue_type, QueueType::quorum);
  EXPECT_EQ(loaded.config.auth.mode, AuthMode::jwt);
  EXPECT_EQ(loaded.config.shutdown.timeout, 30s);
}

TEST(Config, TakesEveryOptionFromTheFile) {
  const auto loaded = load_toml(R"(
    [http]
    listen = "[::1]:9"
    max_body_bytes = 4194304
    request_timeout = "500ms"
    [socket]
    mode = 0o600
    [broker]
    queue_type = "classic"
    [database]
    auto_migrate = false
    writers = 2
    [limits]
    memory_bytes = "1GiB"
    [log]
    level = "debug"
    format = "logfmt"
  )");
  // request_timeout below its bound is the only problem.
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].where, "m.toml:5");
  EXPECT_EQ(loaded.config.http.listen, "[::1]:9");
  EXPECT_EQ(loaded.config.http.max_body_bytes, Bytes{4U << 20});
  EXPECT_EQ(loaded.config.socket.mode, FileMode{0600});
  EXPECT_EQ(loaded.config.broker.queue_type, QueueType::classic);
  EXPECT_FALSE(loaded.config.database.auto_migrate);
  EXPECT_EQ(loaded.config.database.writers, 2U);
  EXPECT_EQ(loaded.config.limits.memory_bytes, Bytes{1U << 30});
  EXPECT_EQ(loaded.config.log.level, LogLevel::debug);
  EXPECT_EQ(loaded.config.log.format, LogFormat::logfmt);
}

TEST(Config, NamesFileLineAndTheNearestKnownKey) {
  EXPECT_EQ(problems("[http]\n\nlisen = \"x\"\n"),
            Lines{"m.toml:3: unknown key \"http.lisen\"; did you mean \"http.listen\"?"});
  EXPECT_EQ(problems("[databse]\nurl = \"x\"\nwriters = 3\n"),
            Lines{"m.toml:1: unknown section \"databse\"; did you mean \"database\"?"});
  EXPECT_EQ(problems("batch = 3"), Lines{"m.toml:1: unknown key \"batch\"; did you mean \"tenants.batch\"?"});
  EXPECT_EQ(problems("[http]\nbatch = 3"),
            Lines{"m.toml:2: unknown key \"http.batch\"; did you mean \"tenants.batch\"?"});
  EXPECT_EQ(problems("http = 3"), Lines{"m.toml:1: http is a section: write [http]"});
  EXPECT_EQ(problems("[http.listen]\nx = 1"), Lines{"m.toml:1: http.listen must be a string"});
  EXPECT_EQ(problems("[http]\nqqqqqqq = 1"), Lines{"m.toml:2: unknown key \"http.qqqqqqq\""});
}

TEST(Config, RefusesAWrongTypeAndSaysWhatItWants) {
  EXPECT_EQ(problems("[tenants]\nworkers = \"3\""),
            Lines{"m.toml:2: tenants.workers must be a number from 1 to 65535"});
  EXPECT_EQ(problems("[tenants]\nworkers = 3.0"), Lines{"m.toml:2: tenants.workers must be a number from 1 to 65535"});
  EXPECT_EQ(problems("[database]\nauto_migrate = \"true\""),
            Lines{"m.toml:2: database.auto_migrate must be true or false"});
  EXPECT_EQ(
      problems("[shutdown]\ntimeout = 30"),
      Lines{"m.toml:2: shutdown.timeout must be a duration from 1s to 1h, such as \"30s\" or \"500ms\"; a bare number "
            "has no unit"});
  EXPECT_EQ(problems("[auth]\nmode = \"nnoe\""),
            Lines{"m.toml:2: auth.mode must be \"jwt\" or \"none\"; got \"nnoe\""});
  EXPECT_EQ(problems("[tenants]\nworkers = -1"),
            Lines{"m.toml:2: tenants.workers must be a number from 1 to 65535; got \"-1\""});
  EXPECT_EQ(problems("[http]\nlisten = [\"a\"]"), Lines{"m.toml:2: http.listen must be a string"});
}

TEST(Config, TellsAllProblemsAtOnce) {
  const auto lines = problems("[http]\nlisten = 8080\nport = 1\n[tenants]\nbatch = 0\n", {{"MTMSG_TENANT_BATCH", "1"}});
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0], "m.toml:2: http.listen must be a string");
  EXPECT_EQ(lines[1], "m.toml:3: unknown key \"http.port\"");
  EXPECT_EQ(lines[2], "m.toml:5: tenants.batch must be a number from 1 to 65535; got \"0\"");
  EXPECT_EQ(lines[3],
            "MTMSG_TENANT_BATCH: unknown variable \"MTMSG_TENANT_BATCH\"; did you mean \"MTMSG_TENANTS_BATCH\"?");
  EXPECT_EQ(lines[4].substr(0, 24), "broker.url: is not set. ");
  EXPECT_EQ(
      lines[5],
      "database.url: is not set. Set it in the configuration file, or as MTMSG_DATABASE_URL, or put it into a file "
      "and name that in database.url_file");
}

TEST(Config, SaysWhereTheFileIsNotToml) {
  const auto lines = problems("[http]\nlisten = \n", {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(0, 9), "m.toml:2:");
  EXPECT_EQ(problems("[http]\nlisten=\"a\"\nlisten=\"b\"\n").size(), 1U);
}

TEST(Config, LetsEveryVariableBeatTheFileByOneRule) {
  for (const auto& option : options()) {
    if (!option.fallback.empty()) {
      Environment environment = kUrls;
      environment[environment_name(option)] = option.fallback;
      const auto loaded = load_toml("", environment);
      EXPECT_TRUE(loaded.ok()) << option.name;
      EXPECT_EQ(loaded.origins.at(option.name), environment_name(option));
    }
  }
  Environment environment = kUrls;
  environment["MTMSG_TENANTS_WORKERS"] = "9";
  EXPECT_EQ(load_toml("[tenants]\nworkers = 4\n", environment).config.tenants.workers, 9U);
  environment["MTMSG_TENANTS_WORKERS"] = "";
  EXPECT_EQ(load_toml("[tenants]\nworkers = 4\n", environment).config.tenants.workers, 4U);
  environment["MTMSG_TENANTS_WORKERS"] = "many";
  EXPECT_EQ(problems("", environment),
            Lines{"MTMSG_TENANTS_WORKERS: tenants.workers must be a number from 1 to 65535; got \"many\""});
}

TEST(Config, LeavesOtherVariablesAlone) {
  Environment environment = kUrls;
  environment["PATH"] = "/bin";
  environment["MTMSG_CONFIG"] = "/x";
  environment["MTMSGCTL_ENDPOINT"] = "unix:/x";
  EXPECT_TRUE(problems("", environment).empty());
}

TEST(Config, EnvironmentIsReadFromTheProcess) {
  const char* const entries[] = {"A=1", "B=x=y", "C=", "broken", nullptr};
  EXPECT_EQ(environment_from(entries), (Environment{{"A", "1"}, {"B", "x=y"}, {"C", ""}}));
}

TEST(ConfigSecrets, ComeFromAFileWithoutItsNewline) {
  const Scratch scratch;
  const auto path = scratch.file("url", "postgresql://u:p@h/db\n");
  const auto loaded = load_toml("[database]\nurl_file = \"" + path + "\"\n", {{"MTMSG_BROKER_URL", "amqp://h/"}});
  ASSERT_TRUE(loaded.ok()) << loaded.problems.front().to_string();
  EXPECT_EQ(loaded.config.database.url, "postgresql://u:p@h/db");
  EXPECT_EQ(loaded.origins.at("database.url"), path);
}

TEST(ConfigSecrets, ComeFromSystemdCredentialsWhenNothingElseIsSet) {
  const Scratch scratch;
  scratch.file("database.url", "postgresql://cred@h/db\n");
  scratch.file("broker.url", "amqp://cred@h/");
  const auto loaded = load_toml("", {{"CREDENTIALS_DIRECTORY", scratch.path()}});
  ASSERT_TRUE(loaded.ok()) << loaded.problems.front().to_string();
  EXPECT_EQ(loaded.config.database.url, "postgresql://cred@h/db");
  EXPECT_EQ(loaded.config.broker.url, "amqp://cred@h/");
  Environment environment = kUrls;
  environment["CREDENTIALS_DIRECTORY"] = scratch.path();
  EXPECT_EQ(load_toml("", environment).config.database.url, "postgresql://u:s3cret@h/db");
}

TEST(ConfigSecrets, AVariableBeatsTheFilesWayWhicheverThatWas) {
  const Scratch scratch;
  const auto path = scratch.file("url", "postgresql://file@h/db");
  Environment environment = kUrls;
  auto loaded = load_toml("[database]\nurl_file = \"/nowhere\"\n", environment);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.config.database.url, "postgresql://u:s3cret@h/db");
  EXPECT_EQ(loaded.config.database.url_file, "");
  environment.erase("MTMSG_DATABASE_URL");
  environment["MTMSG_DATABASE_URL_FILE"] = path;
  loaded = load_toml("[database]\nurl = \"postgresql://toml@h/db\"\n", environment);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.config.database.url, "postgresql://file@h/db");
}

TEST(ConfigSecrets, RefuseTwoValuesFromOneSource) {
  const Environment broker{{"MTMSG_BROKER_URL", "amqp://h/"}};
  EXPECT_EQ(problems("[database]\nurl = \"postgresql://h/\"\nurl_file = \"/x\"\n", broker),
            Lines{"m.toml:3: both database.url and database.url_file are set: keep one"});
}

TEST(ConfigSecrets, NameTheFileThatIsNoSecret) {
  const Scratch scratch;
  const auto refused = [&](const std::string& path) {
    const auto lines = problems("[database]\nurl_file = \"" + path + "\"\n", {{"MTMSG_BROKER_URL", "amqp://h/"}});
    return lines.size() == 1 ? lines[0] : "problems: " + std::to_string(lines.size());
  };
  EXPECT_EQ(refused("/nowhere/url"), "database.url: can't read /nowhere/url: No such file or directory");
  EXPECT_EQ(refused(scratch.path()), "database.url: can't read " + scratch.path() + ": Is a directory");
  const auto two_lines = scratch.file("two", "s3cret\nmore\n");
  EXPECT_EQ(refused(two_lines), "database.url: " + two_lines + " must hold one line and nothing else");
  const auto empty = scratch.file("empty", "\n");
  EXPECT_EQ(refused(empty), "database.url: " + empty + " is empty");
  if (::geteuid() != 0) {
    const auto locked = scratch.file("locked", "x");
    ::chmod(locked.c_str(), 0);
    EXPECT_NE(refused(locked).find("Permission denied"), std::string::npos);
  }
}

TEST(ConfigSecrets, AreNeverQuotedInAProblem) {
  for (const auto& line : problems("[database]\nurl = \"s3cret\"\n[broker]\nurl=\"s3cret\"", {})) {
    EXPECT_EQ(line.find("s3cret"), std::string::npos) << line;
  }
}

TEST(ConfigChecks, RefuseAPrefetchBeyondSixteenBits) {
  EXPECT_EQ(
      problems("[tenants]\nmax_workers = 64\nbatch = 1024\n"),
      Lines{"m.toml:3: tenants.batch is 1024; times tenants.max_workers, 64, that makes 65536, but a prefetch count "
            "is at most 65535: make batch at most 1023 or max_workers at most 63"});
  EXPECT_TRUE(problems("[tenants]\nmax_workers = 64\nbatch = 1023\n").empty());
  EXPECT_EQ(problems("[tenants]\nworkers = 65\n"),
            Lines{"m.toml:2: tenants.workers is 65, more than tenants.max_workers, 64"});
}

TEST(ConfigChecks, LetNobodyInWithoutATokenFromOutside) {
  EXPECT_TRUE(problems("[auth]\nmode = \"none\"\n").empty());
  const auto both = problems("[http]\nlisten = \"0.0.0.0:80\"\n[auth]\nmode = \"none\"\n");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].substr(0, 19), "m.toml:4: auth.mode");
  EXPECT_EQ(both[1].substr(0, 21), "m.toml:2: http.listen");
  EXPECT_EQ(problems("[http]\nlisten = \"0.0.0.0:80\"\nallow_plaintext = true\n[auth]\nmode = \"none\"\n").size(), 1U);
  EXPECT_TRUE(problems("[http]\nlisten = \"0.0.0.0:80\"\nallow_plaintext = true\n").empty());
}

TEST(ConfigChecks, LetTlsOutsideWithBothOfItsFiles) {
  const std::string outside = "[http]\nlisten = \"0.0.0.0:443\"\n";
  EXPECT_TRUE(problems(outside + "tls_cert = \"/c\"\ntls_key = \"/k\"\n").empty());
  EXPECT_EQ(
      problems(outside + "tls_cert = \"/c\"\n"),
      Lines{"m.toml:3: http.tls_cert is set, but http.tls_key is not: a certificate and its key belong together"});
  EXPECT_EQ(
      problems("[http]\ntls_key = \"/k\"\n"),
      Lines{"m.toml:2: http.tls_key is set, but http.tls_cert is not: a certificate and its key belong together"});
  EXPECT_EQ(problems("[http]\ntls_client_ca = \"/a\"\n").size(), 1U);
  EXPECT_EQ(problems(outside + "tls_cert = \"/c\"\ntls_key = \"/k\"\n[auth]\nmode = \"none\"\n").size(), 1U);
}

TEST(ConfigChecks, TakeFilesOfTlsForAmqpsOnly) {
  auto urls = kUrls;
  urls["MTMSG_BROKER_URL"] = "amqps://h";
  EXPECT_TRUE(problems("[broker]\ntls_ca = \"/a\"\ntls_cert = \"/c\"\ntls_key = \"/k\"\n", urls).empty());
  EXPECT_EQ(
      problems("[broker]\ntls_ca = \"/a\"\n"),
      Lines{"m.toml:2: broker.tls_ca is set, but broker.url does not begin with amqps://: it would be plain text"});
  EXPECT_EQ(
      problems("[broker]\ntls_cert = \"/c\"\n", urls),
      Lines{"m.toml:2: broker.tls_cert is set, but broker.tls_key is not: a certificate and its key belong together"});
}

TEST(ConfigChecks, RefuseLimitsThatNoMessageCouldMeet) {
  EXPECT_EQ(problems("[limits]\nmax_message_bytes = \"16MiB\"\nmemory_bytes = \"4MiB\"\n").size(), 2U);
}

TEST(ConfigChecks, RefuseWhatIsNoAddress) {
  Environment environment{{"MTMSG_DATABASE_URL", "mysql://h/db"}, {"MTMSG_BROKER_URL", "localhost"}};
  EXPECT_EQ(problems("[http]\nlisten = \"8080\"\n[socket]\npath = \"run\"\n[broker]\nnamespace = \"amq.x\"\n"
                     "heartbeat = \"1500ms\"\n",
                     environment)
                .size(),
            6U);
}

TEST(ConfigFile, MayBeMissingOnlyWhenNobodyNamedIt) {
  EXPECT_TRUE(load("/nowhere/m.toml", FileRule::optional, kUrls).ok());
  const auto loaded = load("/nowhere/m.toml", FileRule::required, kUrls);
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].to_string(), "configuration: can't read /nowhere/m.toml: No such file or directory");
  const Scratch scratch;
  const auto path = scratch.file("m.toml", "[tenants]\nworkers = 5\n");
  EXPECT_EQ(load(path, FileRule::required, kUrls).config.tenants.workers, 5U);
}

TEST(ConfigShow, HidesSecretsAndSaysWhereValuesCameFrom) {
  const auto text = show(load_toml("[log]\nlevel = \"debug\"\n[socket]\ngroup = \"a\\\"b\\u0007\"\n"));
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  EXPECT_NE(text.find("level = \"debug\"  # m.toml:2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("url = \"postgresql://u:***@h/db\"  # MTMSG_DATABASE_URL\n"), std::string::npos) << text;
  EXPECT_NE(text.find("workers = 3\n"), std::string::npos);
  EXPECT_NE(text.find(R"(group = "a\"b\u0007")"), std::string::npos) << text;
}

TEST(ConfigShow, CanBeReadBack) {
  const auto first =
      load_toml("[tenants]\nworkers = 7\n[socket]\nmode = \"0600\"\n[limits]\nmax_message_bytes = 5000\n");
  const auto again = load_text(show(first), "again.toml", {});
  ASSERT_TRUE(again.ok()) << again.problems.front().to_string();
  for (const auto& option : options()) {
    if (option.secret) continue;
    EXPECT_EQ(value_of(option, again.config), value_of(option, first.config)) << option.name;
  }
}

TEST(ConfigShow, PutsWhatAFileGaveBesideTheFilesName) {
  const Scratch scratch;
  const auto path = scratch.file("url", "postgresql://u:s3cret@h/db");
  const auto text = show(load_toml("[database]\nurl_file = \"" + path + "\"\n", {{"MTMSG_BROKER_URL", "amqp://h/"}}));
  EXPECT_NE(text.find("# url = \"postgresql://u:***@h/db\"  # " + path), std::string::npos) << text;
  EXPECT_NE(text.find("url_file = \"" + path), std::string::npos) << text;
}

TEST(Config, SurvivesAnyBytes) {
  std::mt19937_64 random(11);
  const std::string seed =
      "[http]\nlisten = \"127.0.0.1:1\"\n[tenants]\nbatch = 5\n[limits]\nmemory_bytes = \"1GiB\"\n";
  for (int i = 0; i < 2'000; ++i) {
    auto text = seed;
    for (int n = 0; n < 3; ++n) text[random() % text.size()] = static_cast<char>(random() % 256);
    const auto loaded = load_toml(text);
    show(loaded);
  }
}

}  // namespace
}  // namespace mtmsg::config
