// SPDX-License-Identifier: MIT
#include "tests/server/store/postgres_server.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opencat/file.hpp"
#include "opencat/text.hpp"
#include "tests/catch.hpp"

namespace opencat::store_test {

namespace fs = std::filesystem;

namespace {

/// Where its programs are: Debian keeps them off the PATH.
fs::path programs() {
  fs::path newest;
  std::error_code absent;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", absent)) {
    if (fs::exists(version.path() / "bin/postgres") && version.path() > newest) newest = version.path();
  }
  return newest.empty() ? newest : newest / "bin";
}

/// In the child: nobody instead of root, whom PostgreSQL refuses, and never longer than the tests live.
void become_nobody() {
  if (getuid() == 0) {
    const passwd* nobody = getpwnam("nobody");
    if (nobody == nullptr || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0) _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

pid_t start(const std::vector<std::string>& words, const fs::path& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  FILE* const out = std::fopen(log.c_str(), "a");
  if (out == nullptr || dup2(fileno(out), 1) < 0 || dup2(fileno(out), 2) < 0) _exit(126);
  become_nobody();
  execv(arguments.front(), arguments.data());
  _exit(127);
}

class PostgresServer {
 public:
  explicit PostgresServer(const fs::path& bin) {
    const fs::path data = folder_.path() / "data";
    const fs::path log = folder_.path() / "log";
    fs::create_directory(data);
    if (const passwd* nobody = getpwnam("nobody"); getuid() == 0 && nobody != nullptr) {
      for (const fs::path& path : {folder_.path(), data}) {
        REQUIRE(chown(path.c_str(), nobody->pw_uid, nobody->pw_gid) == 0);
      }
    }
    const pid_t initdb = start({bin / "initdb", "-D", data, "-U", "opencat", "-A", "trust", "-E", "UTF8",
                                "--locale=C.UTF-8", "--no-sync"},
                               log);
    int status = 0;
    waitpid(initdb, &status, 0);
    INFO(read_file(log));
    REQUIRE(status == 0);
    server_ = start({bin / "postgres", "-D", data, "-k", folder_.path(), "-c", "listen_addresses=", "-c",
                     "fsync=off", "-c", "max_connections=50"},
                    log);
    while (std::system(("psql -XAtq '" + url("public") + "' -c 'SELECT 1' >/dev/null 2>&1").c_str()) != 0) {
      REQUIRE(waitpid(server_, &status, WNOHANG) == 0);
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }
  ~PostgresServer() {
    kill(server_, SIGQUIT);
    waitpid(server_, nullptr, 0);
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  std::string url(const std::string& schema) const {
    return "postgresql://opencat:secret-word@/postgres?host=" + folder_.path().string() +
           "&options=-csearch_path%3D" + schema;
  }

 private:
  TemporaryFolder folder_{fs::temp_directory_path(), "opencat-postgres-"};
  pid_t server_ = 0;
};

}  // namespace

std::string new_postgres_schema() {
  static const fs::path bin = programs();
  if (bin.empty()) {
    static const int said = std::puts("skipped: PostgreSQL is not installed (Debian's package postgresql)");
    static_cast<void>(said);
    return {};
  }
  static const PostgresServer server(bin);
  static int made = 0;
  const std::string schema = "test" + std::to_string(++made);
  psql(server.url("public"), "CREATE SCHEMA " + schema);
  return server.url(schema);
}

std::vector<std::string> psql(const std::string& url, const std::string& statement) {
  std::string quoted;
  for (const char c : statement) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  const std::string command = "psql -XAtq -v ON_ERROR_STOP=1 '" + url + "' -c '" + quoted + "'";
  FILE* const pipe = popen(command.c_str(), "r");
  // No assertions: tests ask from threads of their own, too, for which Catch's are not made.
  if (pipe == nullptr) throw std::runtime_error("psql cannot be started");
  std::string text;
  char buffer[4096];
  for (std::size_t size; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, size);
  if (pclose(pipe) != 0) throw std::runtime_error("psql failed at: " + statement);
  std::vector<std::string> rows = split(text, '\n');
  rows.pop_back();
  return rows;
}

}  // namespace opencat::store_test
