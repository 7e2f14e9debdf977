// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/domain/window_log.hpp"
#include "server/store/admission_rules.hpp"
#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

/// What one group of a node's requests comes to, in one transaction of three messages:
///
/// 1. BEGIN, and the rows of all its tokens in `recent_tokens` are locked, or made, in the order of their
/// ids.
///    What follows sees whatever another node committed before that, for with READ COMMITTED each statement
///    looks anew.
/// 2. What is given back and settled is written, and then the tokens are read, with their counts and windows.
/// 3. The rules decide on each request in turn. Its counts are written, the node's row says which group this
///    was, and COMMIT.
///
/// Nobody else counts for these tokens between 1 and 3, so no limit can be exceeded by it. Not for two
/// threads at once.
class CountingBatch {
 public:
  CountingBatch(std::string node, const StoreOptions& options)
      : node_(std::move(node)), per_minute_(options.requests_per_minute), limits_(options.default_limits) {}

  /// What a new connection wants before it commits a group.
  static void prepare(Session& session);

  void clear();
  /// `answer` is filled in by commit().
  void admit(AdmissionRequest request, std::shared_ptr<Admission> answer);
  void give_back(const Reservation& row);
  void settle(const Reservation& row, const TokenUse& used);

  /// As group `number` of this node. Tries again what another transaction was in the way of.
  void commit(Session& session, std::int64_t number);
  /// Whether commit() threw so late that it may be committed all the same.
  bool in_doubt() const { return in_doubt_; }
  /// Where it counted requests, one for each.
  std::vector<Reservation> counted() const;

 private:
  struct Asked {
    AdmissionRequest request;
    std::shared_ptr<Admission> answer;
  };
  struct Sums {
    std::int64_t requests = 0;
    TokenUse told;
    TokenUse estimated;
  };
  /// By date and model.
  using Counts = std::map<std::pair<std::string, std::string>, std::int64_t>;
  /// What `usage` has of a token.
  struct FoldedSums {
    std::string day;
    QuotaUse use;
  };
  /// A token and what the group changes of it.
  struct Turn {
    TokenHolder token;
    WindowLog window;
    bool window_changed = false;
    Counts counts;
    std::optional<FoldedSums> sums;  ///< to be kept at hand for its next requests
    std::string used_up_until;
    std::string last_used_at;
    /// With what the group counted so far.
    QuotaUse use(const QuotaUse& before, const QuotaPeriod& period) const;
  };
  using RowKey = std::tuple<std::string, std::string, std::string>;

  void attempt(Session& session, std::int64_t number);
  /// The hashes of those that there are.
  std::set<std::string> lock_tokens(Session& session);
  void read_tokens(Session& session, const std::set<std::string>& known);
  void decide();
  std::string writes_before() const;
  std::string writes_after() const;
  std::string marks(const std::map<std::string, const Turn*>& marked) const;
  std::string execute(const char* statement, const std::vector<Array>& arguments) const;

  std::string node_;
  std::size_t per_minute_;
  Limits limits_;  ///< where neither a token nor its plan say any
  AdmissionRules rules_;
  std::vector<Asked> asked_;
  std::map<RowKey, std::int64_t> given_back_;
  std::map<RowKey, Sums> settled_;
  // Of the attempt that runs:
  std::map<std::string, Turn> turns_;                             ///< by the token's hash
  std::map<std::pair<std::string, std::string>, QuotaUse> uses_;  ///< by its hash and the day
  Session* session_ = nullptr;
  bool in_doubt_ = false;
};

}  // namespace opencat::postgres
