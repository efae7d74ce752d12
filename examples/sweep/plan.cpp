// SPDX-License-Identifier: MIT
#include "plan.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace sweep {

namespace {

using lamina::ArgumentError;

constexpr std::size_t most_points = 10'000;

/// Flags that every run must have its own of, or that leave nothing to compare.
constexpr std::array<std::string_view, 10> kept_for_the_sweep{
    "out", "resume", "force", "seed", "threads", "print", "dry-run", "list-recipes", "stop-after", "help"};

/// What is wrong with the name of a flag; empty where nothing is.
std::string problem_of_name(const std::string& name) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (name.starts_with('-')) return "is written with dashes, expected the flag's name alone";
    if (name.empty() || name.find_first_not_of(letters) != std::string::npos) {
        return "is no flag; expected small letters, digits and dashes";
    }
    if (std::find(kept_for_the_sweep.begin(), kept_for_the_sweep.end(), name) == kept_for_the_sweep.end()) return "";
    return name == "seed" ? "is the sweep's own; give \"seeds\"" : "is not for the runs of a sweep";
}

[[nodiscard]] bool is_scalar(const Json& value) { return value.is_string() || value.is_number() || value.is_boolean(); }

/// A value of one flag: a word, a number, true or false, and where `lists` are allowed, some of them.
[[nodiscard]] bool is_value(const Json& value, bool lists) {
    if (is_scalar(value)) return true;
    return lists && value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), is_scalar);
}

void check_flags(const lamina::io::JsonObject& flags, bool grid) {
    for (const std::string& name : flags.keys()) {
        if (const std::string problem = problem_of_name(name); !problem.empty()) flags.fail(name, problem);
        const Json& value = flags.json(name);
        if (!grid) {
            if (!is_value(value, true))
                flags.fail(name, "is no value of a flag; expected a word, a number, true or false");
            continue;
        }
        const auto scalar = [](const Json& one) { return is_value(one, false); };
        if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), scalar)) {
            flags.fail(name, "is no list of values; expected words, numbers, true or false in brackets");
        }
    }
}

[[nodiscard]] std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void append(std::vector<std::string>& arguments, const std::string& name, const Json& value) {
    const std::string flag = "--" + name;
    if (value.is_boolean()) {
        arguments.push_back(value.get<bool>() ? flag : flag + "=false");
        return;
    }
    arguments.push_back(flag);
    if (!value.is_array()) arguments.push_back(text_of(value));
    for (const Json& one : value.is_array() ? value : Json::array()) arguments.push_back(text_of(one));
}

/// As a name of a folder has it.
[[nodiscard]] std::string plain(const std::string& text) {
    constexpr std::string_view others = "+-.=";
    std::string result;
    for (const char character : text.substr(0, 60)) {
        const bool letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
                            (character >= '0' && character <= '9');
        result += letter || others.find(character) != others.npos ? character : '_';
    }
    return result;
}

}  // namespace

Plan read_plan(const std::filesystem::path& file) {
    const lamina::io::JsonFile json(file);
    const lamina::io::JsonObject& fields = json.object();
    for (const std::string& name : fields.keys()) {
        if (name != "flags" && name != "grid" && name != "seeds") {
            fields.fail(name, "is none of flags, grid and seeds");
        }
    }
    Plan plan;
    if (fields.contains("flags")) {
        check_flags(fields.object("flags"), false);
        plan.flags = fields.json("flags");
    }
    if (fields.contains("grid")) {
        check_flags(fields.object("grid"), true);
        plan.grid = fields.json("grid");
    }
    for (const auto& [name, values] : plan.grid.items()) {
        if (plan.flags.contains(name)) fields.object("grid").fail(name, "is among the flags of every run as well");
    }
    plan.seeds = fields.require<std::vector<std::uint64_t>>("seeds");
    if (plan.seeds.empty()) fields.fail("seeds", "is empty, expected one or more");
    const std::set<std::uint64_t> different(plan.seeds.begin(), plan.seeds.end());
    if (different.size() != plan.seeds.size()) fields.fail("seeds", "has one of them twice");
    return plan;
}

Plan published_rates(std::size_t seeds) {
    Plan plan;
    plan.grid["learning-rate"] = {"1e-4", "3e-4", "6e-4", "1e-3", "3e-3"};
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) plan.seeds.push_back(seed);
    return plan;
}

void add_arguments(Plan& plan, const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size();) {
        const std::string& word = arguments[i++];
        if (!word.starts_with("--")) {
            throw ArgumentError(lamina::in_quotes(word) + " behind -- is no flag of remove_layernorm");
        }
        const std::size_t equals = std::min(word.find('='), word.size());
        const std::string name = word.substr(2, equals - 2);
        std::vector<std::string> values;
        if (equals < word.size()) values.push_back(word.substr(equals + 1));
        while (equals == word.size() && i < arguments.size() && !arguments[i].starts_with("--")) {
            values.push_back(arguments[i++]);
        }
        if (const std::string problem = problem_of_name(name); !problem.empty()) {
            throw ArgumentError("--" + lamina::printable(name, 40) + " behind -- " + problem);
        }
        if (plan.flags.contains(name) || plan.grid.contains(name)) {
            throw ArgumentError("--" + name + " is given twice, expected once, be it in the sweep's file or behind --");
        }
        plan.flags[name] = values.empty() ? Json(true) : values.size() == 1 ? Json(values.front()) : Json(values);
    }
}

std::vector<Configuration> configurations_of(const Plan& plan) {
    std::vector<Configuration> all{{}};
    for (const auto& [name, values] : plan.grid.items()) {
        std::vector<Configuration> longer;
        for (const Configuration& shorter : all) {
            for (const Json& value : values) {
                longer.push_back(shorter);
                longer.back().emplace_back(name, value);
            }
        }
        all = std::move(longer);
        if (all.size() <= most_points) continue;
        throw ArgumentError("the grid has more than " + std::to_string(most_points) + " combinations; leave some out");
    }
    return all;
}

std::string label_of(const Configuration& configuration) {
    std::string label;
    for (const auto& [name, value] : configuration) label += (label.empty() ? "" : ", ") + name + " " + text_of(value);
    return label.empty() ? "as given" : label;
}

std::vector<Point> points_of(const Plan& plan, const std::vector<Configuration>& configurations) {
    if (configurations.size() * plan.seeds.size() > most_points) {
        throw ArgumentError("the sweep has more than " + std::to_string(most_points) + " runs; leave some out");
    }
    std::vector<Point> points;
    std::set<std::string> names;
    for (const std::uint64_t seed : plan.seeds) {
        for (std::size_t i = 0; i < configurations.size(); ++i) {
            std::string name;
            for (const auto& [flag, value] : configurations[i]) name += flag + "=" + plain(text_of(value)) + ",";
            name += "seed=" + std::to_string(seed);
            if (!names.insert(name).second) {
                throw ArgumentError("two runs of the sweep would be called " + name + "; give each value once");
            }
            points.push_back({.configuration = i, .seed = seed, .name = name});
        }
    }
    return points;
}

std::vector<std::string> arguments_of(const Json& flags) {
    std::vector<std::string> arguments;
    for (const auto& [name, value] : flags.items()) append(arguments, name, value);
    return arguments;
}

std::vector<std::string> arguments_of(const Configuration& configuration) {
    std::vector<std::string> arguments;
    for (const auto& [name, value] : configuration) append(arguments, name, value);
    return arguments;
}

Json json_of(const Plan& plan) { return {{"flags", plan.flags}, {"grid", plan.grid}, {"seeds", plan.seeds}}; }

}  // namespace sweep
