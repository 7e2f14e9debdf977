// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// Someone who gets a bundle of their own.
struct Person {
  std::string label;
  std::string folder;  ///< a name that every system takes, of the label, and of no other person
  std::string plan;    ///< of their tokens, as in TokenWish
};

/// The people of a CSV file (RFC 4180; UTF-8, with or without a byte order mark). The labels are in the
/// column that the first row calls label, name, 标签 or 姓名, whatever the case; without such a row, in the
/// first column of all rows; their plans, where such a row names them, in the column plan or 套餐, and where
/// that has nothing, `plan` is theirs. Other columns are left alone, and so are empty rows. Two people may
/// have one name. Throws Error(usage) naming the line for what is no CSV, is no UTF-8, has an empty or too
/// long label, and for no or more than 10,000 people.
std::vector<Person> read_people(std::string_view csv, const std::string& where, const std::string& plan = {});

/// `count` people called "LABEL 1" and so on, with as many digits as the last needs; "user" stands for no
/// label.
std::vector<Person> numbered_people(std::int64_t count, const std::string& label,
                                    const std::string& plan = {});

/// Each one's plan.
std::vector<std::string> plans_of(const std::vector<Person>& people);

/// A cell of a CSV file, in quotes where it must be. One that a spreadsheet would take for a formula is led
/// by an apostrophe (https://owasp.org/www-community/attacks/CSV_Injection).
std::string csv_cell(const std::string& text);

}  // namespace opencat
