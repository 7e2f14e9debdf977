// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bundle/token_client.hpp"
#include "bundle/zip_writer.hpp"
#include "opencat/file.hpp"
#include "opencat/random.hpp"

namespace opencat {

/// Zips are made in a folder of this prefix, beside where they go.
inline constexpr const char* making_prefix = ".making-";

/// What is known of a token that was asked for, and of the zip that it is for.
struct LedgerEntry {
  std::string install_id;
  std::string platform;
  std::string label;
  std::string file;      ///< below the folder
  std::string token_id;  ///< empty: the server has not answered, or says none
  std::uint64_t bytes = 0;
  std::string sha256;  ///< empty: the zip is not written
};

/// `folder`/.opencat-tokens, mode 0600: which tokens were asked for, and which zips they are in, in lines of
/// JSON that are appended before (asking, renaming) or right after (an answer) what they tell of. So a run
/// that was killed leaves no token unknown, and a later one goes on where it ended. It never holds a token.
/// Any thread may call it; another process may not use the folder meanwhile.
class TokenLedger {
 public:
  /// Removes what a killed process left half-made. Throws Error(unavailable) while another makes zips there.
  explicit TokenLedger(std::filesystem::path folder);
  TokenLedger(const TokenLedger&) = delete;
  TokenLedger& operator=(const TokenLedger&) = delete;
  /// Removes the file when it has nothing to tell.
  ~TokenLedger();

  /// What all zips of this folder are made of; empty: nothing is said yet.
  std::string inputs() const;
  void set_inputs(const std::string& digest);

  void wanted(const LedgerEntry& entry);
  void issued(const std::string& install_id, const std::string& token_id);
  void written(const std::string& install_id, const WrittenZip& zip);
  /// The token was deleted, or its zip needs no watching any more.
  void forget(const std::string& install_id);

  std::vector<LedgerEntry> entries() const;
  /// Whether its zip is whole and in its place.
  bool is_finished(const LedgerEntry& entry) const;

 private:
  void load();
  void apply(const nlohmann::json& line);
  void append(const nlohmann::json& line);

  mutable std::mutex mutex_;
  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::unique_ptr<FileLock> lock_;
  std::string inputs_;
  std::map<std::string, LedgerEntry> entries_;
};

/// Issues tokens for zips, and deletes again those whose zips were not finished: at the end its own, and at
/// the beginning those of a run that was killed. Any thread may call it.
class IssuedTokens {
 public:
  /// Throws what TokenClient throws when a token of a killed run cannot be deleted.
  IssuedTokens(TokenClient& client, TokenLedger& ledger, Entropy& entropy);
  IssuedTokens(const IssuedTokens&) = delete;
  IssuedTokens& operator=(const IssuedTokens&) = delete;
  ~IssuedTokens();

  struct Issued {
    std::string install_id;
    std::string token_id;  ///< its public id, or "issued" from a server that does not tell it
    std::string text;      ///< of token.json
  };
  Issued issue(const TokenWish& wish, const std::string& file, const std::stop_token& stop);
  /// Its zip is in its place: the token stays.
  void keep(const std::string& install_id);

 private:
  TokenClient& client_;
  TokenLedger& ledger_;
  Entropy& entropy_;
  std::mutex mutex_;
  std::map<std::string, std::string> unfinished_;  ///< by install_id: the token, or "" while it is asked for
};

}  // namespace opencat
