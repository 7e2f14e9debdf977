// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"

namespace opencat {

/// What a list is sorted by, as SQL. Tokens of the same key stay in the order of their issue, so that pages
/// never overlap. `label` is the label without regard to case, which each store says in its own way, as its
/// index has it.
constexpr const char* sort_key(TokenSort sort, const char* label) {
  switch (sort) {
    case TokenSort::created_at:
      return "seq";
    case TokenSort::last_used_at:
      return "coalesce(last_used_at, '')";
    case TokenSort::label:
      return label;
    case TokenSort::platform:
      return "platform";
    case TokenSort::id:
      return "id";
  }
  return "seq";
}

}  // namespace opencat
