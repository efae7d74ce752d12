// SPDX-License-Identifier: MIT
// Plan: the runs of a sweep, as a grid of flags of remove_layernorm times seeds.
#pragma once

#include <lamina/io/json_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace sweep {

using lamina::io::Json;

struct Plan {
    Json flags = Json::object();  ///< of every run: names without dashes, values as the command line has them
    Json grid = Json::object();   ///< names, and the values that each takes
    std::vector<std::uint64_t> seeds;
};

/// `{"flags": {…}, "grid": {…}, "seeds": […]}`.
///
/// errors   FileError that names the field
[[nodiscard]] Plan read_plan(const std::filesystem::path& file);

/// The learning rates of the published full-rank sweep, under `seeds` seeds from 1 on.
[[nodiscard]] Plan published_rates(std::size_t seeds);

/// Adds flags as a command line has them: `--text a b`, `--clip=0.5`, `--no-control`.
///
/// errors   ArgumentError for what is no flag, and for one that is there already
void add_arguments(Plan& plan, const std::vector<std::string>& arguments);

/// One choice from the grid.
using Configuration = std::vector<std::pair<std::string, Json>>;

/// Every combination, the last flag of the grid running fastest.
[[nodiscard]] std::vector<Configuration> configurations_of(const Plan& plan);

/// "learning-rate 1e-3, clip 0.5".
[[nodiscard]] std::string label_of(const Configuration& configuration);

/// One run.
struct Point {
    std::size_t configuration = 0;  ///< its place among those of the plan
    std::uint64_t seed = 0;
    std::string name;  ///< of its folder, which no other has
};

/// Every configuration under the first seed, then under the next.
///
/// errors   ArgumentError when two would have a folder of one name, or there are more than anybody waits for
[[nodiscard]] std::vector<Point> points_of(const Plan& plan, const std::vector<Configuration>& configurations);

/// What a command line has for flags.
[[nodiscard]] std::vector<std::string> arguments_of(const Json& flags);
[[nodiscard]] std::vector<std::string> arguments_of(const Configuration& configuration);

[[nodiscard]] Json json_of(const Plan& plan);

}  // namespace sweep
