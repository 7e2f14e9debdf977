// SPDX-License-Identifier: MIT
#include "server/store/postgres/session.hpp"

#include <algorithm>

#include "opencat/text.hpp"

namespace opencat::postgres {

namespace {

/// Of libpq, for an address that says nothing else: a server that is gone is to be noticed within seconds
/// (https://www.postgresql.org/docs/15/libpq-connect.html).
constexpr const char* defaults[][2] = {
    {"connect_timeout", "3"},    {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"},   {"tcp_user_timeout", "10000"}, {"application_name", "opencat"},
    {"client_encoding", "UTF8"},
};

bool is_url(const std::string& url) {
  return url.rfind("postgresql://", 0) == 0 || url.rfind("postgres://", 0) == 0;
}

/// Where the password stands in the address: its place and length.
std::optional<std::pair<std::size_t, std::size_t>> password_in(const std::string& url) {
  const std::size_t begin = url.find("://") == std::string::npos ? 0 : url.find("://") + 3;
  const std::size_t end = url.find_first_of("/?", begin);
  // A password with an @ or a / of its own is written wrong, and yet not to be shown.
  const std::size_t at = url.rfind('@');
  if (at == std::string::npos || at < begin) return std::nullopt;
  const std::size_t colon = url.find(':', begin);
  if (colon == std::string::npos || colon > at || (end != std::string::npos && colon > end))
    return std::nullopt;
  return std::pair{colon + 1, at - colon - 1};
}

std::string with_defaults(const std::string& url) {
  std::string whole = url;
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : defaults) {
    if (url.find(std::string(name) + "=") != std::string::npos) continue;
    whole.append(1, separator).append(name).append("=").append(value);
    separator = '&';
  }
  return whole;
}

/// libpq's words in one line, without the address, which it repeats when it cannot read it.
std::string without_address(const std::string& message, const std::string& url) {
  const auto password = password_in(url);
  if (message.find("://") != std::string::npos ||
      (password && password->second > 0 &&
       message.find(url.substr(password->first, password->second)) != std::string::npos)) {
    return "the address cannot be read";
  }
  return first_line(message);
}

/// SQLSTATEs of PostgreSQL 15, appendix A.
Trouble trouble_of(const std::string& state) {
  if (state == "40001" || state == "40P01" || state == "40003") return Trouble::conflict;
  // Class 08 and "admin shutdown" and its like; a standby that takes no writes is the wrong one to stay with.
  if (state.rfind("08", 0) == 0 || state.rfind("57P", 0) == 0 || state == "53300" || state == "25006")
    return Trouble::lost;
  return Trouble::other;
}

Failure lost_failure(const std::string& detail) {
  Failure failure(ErrorKind::unavailable,
                  "the server's database cannot be reached just now; try again in a moment", detail,
                  Trouble::lost);
  failure.retry_after_s = 2;
  return failure;
}

Failure sql_failure(const std::string& state, const std::string& detail) {
  const Trouble trouble = trouble_of(state);
  if (trouble == Trouble::lost) return lost_failure(detail);
  // A lock that was not had, a statement that took too long, a conflict, or resources that are short.
  const bool busy =
      trouble == Trouble::conflict || state == "55P03" || state == "57014" || state.rfind("53", 0) == 0;
  if (!busy) return {ErrorKind::failed, "the server's database failed; its log says more", detail, trouble};
  Failure failure(ErrorKind::unavailable, "the server's database is busy; try again in a moment", detail,
                  trouble);
  failure.retry_after_s = 2;
  return failure;
}

/// How many bytes the UTF-8 character at the text's beginning has; 0 for what is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) == 0 ? 0 : 1;
  const std::size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, a surrogate's half, or beyond Unicode's end (RFC 3629).
  const bool wrong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f) ||
                     (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f);
  return wrong ? 0 : size;
}

}  // namespace

Session::Session(const std::string& url, const Patience& patience) {
  if (!is_url(url)) {
    throw Error(ErrorKind::usage,
                "the store is named by an address such as postgresql://user@host:5432/database");
  }
  try {
    connection_ = std::make_unique<pqxx::connection>(with_defaults(url));
#if PQXX_VERSION_MAJOR < 7
    // A new connection in the middle of a transaction would do its second half alone.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    connection_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
  } catch (const std::exception& problem) {
    throw lost_failure(without_address(problem.what(), url));
  }
  const auto set = [this](const char* name, std::chrono::milliseconds time) {
    run(std::string("SET ") + name + " = " + std::to_string(time.count()));
  };
  set("statement_timeout", patience.statement);
  set("lock_timeout", patience.lock);
  // A server that stops in the middle, as a machine that sleeps does, must not hold the others up.
  set("idle_in_transaction_session_timeout", std::chrono::seconds{10});
}

template <class Work>
Rows Session::guarded(const Work& work) {
  if (lost_) throw lost_failure("the connection was lost before");
  try {
    pqxx::nontransaction direct(*connection_);
    return work(direct);
  } catch (const pqxx::broken_connection& problem) {
    lost_ = true;
    throw lost_failure(problem.what());
  } catch (const pqxx::sql_error& problem) {
    Failure failure = sql_failure(problem.sqlstate(), problem.what());
    lost_ = failure.trouble() == Trouble::lost || !connection_->is_open();
    if (lost_) throw lost_failure(problem.what());
    throw failure;
  } catch (const std::exception& problem) {
    // libpqxx has more classes for a connection that is gone, and for what it was not made for.
    lost_ = true;
    throw lost_failure(problem.what());
  }
}

Rows Session::ask(const std::string& statement, const std::vector<Parameter>& parameters) {
  std::vector<Parameter> cleaned;
  for (const Parameter& parameter : parameters)
    cleaned.push_back(parameter ? Parameter(clean(*parameter)) : Parameter());
  return guarded([&](pqxx::nontransaction& direct) {
#if PQXX_VERSION_MAJOR >= 7
    pqxx::params values;
    for (const Parameter& parameter : cleaned) values.append(parameter);
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 9
    return direct.exec(statement, values);
#else
    return direct.exec_params(statement, values);
#endif
#else
    std::vector<const char*> values;
    for (const Parameter& parameter : cleaned) values.push_back(parameter ? parameter->c_str() : nullptr);
    return direct.exec_params(statement, pqxx::prepare::make_dynamic_params(values));
#endif
  });
}

Rows Session::run(const std::string& statements) {
  return guarded([&](pqxx::nontransaction& direct) { return direct.exec(statements); });
}

std::string Session::literal(const std::string& text) { return connection_->quote(clean(text)); }

void Session::transact(const std::function<void()>& work) {
  for (int tries = 1;; ++tries) {
    try {
      run("BEGIN");
      work();
      run("COMMIT");
      return;
    } catch (const Failure& failure) {
      roll_back();
      if (failure.trouble() != Trouble::conflict || tries == most_tries) throw;
    } catch (...) {
      roll_back();
      throw;
    }
  }
}

void Session::roll_back() noexcept {
  if (lost_) return;
  try {
    run("ROLLBACK");
  } catch (const std::exception&) {
    lost_ = true;  // in whatever state it is, it is of no use any more
  }
}

std::string without_password(const std::string& url) {
  std::string shown = url.substr(0, url.find('?'));
  if (const auto password = password_in(shown)) shown.replace(password->first, password->second, "********");
  return printable(shown);
}

std::string first_line(const std::string& message) {
  return printable(trim(message.substr(0, message.find('\n'))));
}

std::string clean(const std::string& text) {
  std::string made;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t size = character_size(rest);
    made += size == 0 ? "?" : rest.substr(0, size);
    rest.remove_prefix(std::max<std::size_t>(1, size));
  }
  return made;
}

std::string bytea(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string from_hex(const std::string& digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  return bytes;
}

void Array::add(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  element(quoted + "\"");
}

void Array::element(const std::string& text) {
  if (!text_.empty()) text_ += ',';
  text_ += text;
}

}  // namespace opencat::postgres
