// SPDX-License-Identifier: MIT
// The only file that includes libpqxx (6.4 and 7); for the .cpp files of this folder, and for no other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "opencat/error.hpp"

namespace opencat::postgres {

/// What a failure means for the transaction it came in.
enum class Trouble {
  lost,      ///< the connection is gone; what was sent last may have been done or not
  conflict,  ///< another transaction was in the way, and all of it may be tried again
  other,
};

/// A failure of the database, worded for a server's clients: it names nothing, and the detail is for the log.
class Failure : public Error {
 public:
  Failure(ErrorKind kind, const std::string& message, const std::string& detail, Trouble trouble)
      : Error(kind, message, detail), trouble_(trouble) {}
  Trouble trouble() const { return trouble_; }

 private:
  Trouble trouble_;
};

using Rows = pqxx::result;
using Row = pqxx::row;
/// A parameter of a statement, $1 and so on; nothing is NULL.
using Parameter = std::optional<std::string>;

inline std::string text(const Row& row, int column) {
  return row[column].is_null() ? std::string() : std::string(row[column].c_str());
}
inline std::int64_t number(const Row& row, int column) { return row[column].as<std::int64_t>(0); }

/// One connection; not for two threads at once. All throw Failure.
class Session {
 public:
  /// How long a statement may take, and how long it may wait for another's lock.
  struct Patience {
    std::chrono::milliseconds statement{30'000};
    std::chrono::milliseconds lock{5'000};
  };
  /// Throws Failure(lost), whose detail says why in one line, and Error(usage) for what is no address.
  Session(const std::string& url, const Patience& patience);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// One statement.
  Rows ask(const std::string& statement, const std::vector<Parameter>& parameters = {});
  /// Several in one message, of which the last one's rows come back.
  Rows run(const std::string& statements);
  /// The text as SQL has it, in quotes.
  std::string literal(const std::string& text);
  bool lost() const { return lost_; }

  /// Runs `work` in a transaction, and again when another transaction was in the way of it.
  void transact(const std::function<void()>& work);
  /// Ends the transaction, if there is one; throws nothing.
  void roll_back() noexcept;

 private:
  template <class Work>
  Rows guarded(const Work& work);

  std::unique_ptr<pqxx::connection> connection_;
  bool lost_ = false;
};

/// How often a transaction is tried when others are in its way.
constexpr int most_tries = 8;

/// The address without its password, for people.
std::string without_password(const std::string& url);

/// The first line of what the database said.
std::string first_line(const std::string& message);

/// The text as PostgreSQL takes it: it refuses a NUL and what is not UTF-8, which SQLite keeps; each such
/// byte becomes '?'.
std::string clean(const std::string& text);

/// Bytes as a BYTEA is written.
std::string bytea(const std::string& bytes);
/// The bytes of hex digits, as encode(…, 'hex') gives them.
std::string from_hex(const std::string& digits);

/// A list as an ARRAY's text; absent ones are NULL.
class Array {
 public:
  void add(const std::string& text);
  void add(std::int64_t number) { add(std::to_string(number)); }
  void add_null() { element("NULL"); }
  bool empty() const { return text_.empty(); }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  void element(const std::string& text);
  std::string text_;
};

}  // namespace opencat::postgres
