// SPDX-License-Identifier: MIT
#include "run_folder.hpp"

#include "../common/out_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/recipe/describe.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace remove_layernorm {

namespace {

namespace fs = std::filesystem;
using lamina::io::Json;

Json settings_of(const Job& job) {
    Json lines = Json::array();
    std::istringstream recipe(lamina::recipe::describe(job.recipe));
    for (std::string line; std::getline(recipe, line);) lines.push_back(line);
    const Options& options = job.options;
    Json settings{{"model", options.model},
                  {"adapter", options.adaptation.adapter},
                  {"targets", options.adaptation.targets},
                  {"precision", options.adaptation.precision},
                  {"recipe", lines},
                  {"seed", options.seed},
                  {"non-finite", static_cast<int>(options.non_finite)}};
    if (options.weights.empty()) settings["pretrain steps"] = options.pretrain_steps;
    return settings;
}

/// Takes the places out of what is stored. Before they were listed, the threads told them, which were null on cuda.
Json take_places(Json& stored) {
    Json places = stored.value("places", Json::array());
    if (const Json threads = stored.value("threads", Json()); threads.is_number()) {
        places.push_back({{"device", "cpu"}, {"threads", threads}});
    }
    stored.erase("places");
    stored.erase("threads");
    return places;
}

/// Runs of before they were recorded had what was the only adaptation.
void name_adaptation(Json& stored, const Job& job) {
    if (stored.contains("adapter")) return;
    stored["adapter"] = "full";
    stored["targets"] = "all";
    stored["precision"] = job.options.adaptation.precision;
}

void write_run(const Job& job, const Json& places) {
    Json content = settings_of(job);
    content["places"] = places;
    lamina::io::write_json(job.out / "run.json", content);
}

/// What a run writes and a later one would take for its own.
bool belongs_to_a_run(const std::string& name) {
    for (const char* whole : {"run.json", "results.json", "results.md", "loss.svg", "train", "heldout", "pretrained",
                              "folded", "trained", "adapter.safetensors", "norms.json"}) {
        if (name == whole) return true;
    }
    return name.starts_with("checkpoint-") || name.starts_with("metrics");
}

/// Whether a file that is called run.json is a run's.
bool is_of_a_run(const fs::path& file) {
    try {
        const Json settings = lamina::io::read_json(file);
        return settings.is_object() && settings.contains("model");
    } catch (const lamina::FileError&) {
        return false;
    }
}

void add_paths(std::vector<fs::path>& paths, const std::string& path) {
    if (!path.empty()) paths.emplace_back(path);
}
void add_paths(std::vector<fs::path>& paths, const std::vector<std::string>& more) {
    for (const std::string& path : more) add_paths(paths, path);
}

/// Refuses to replace what the run is to be made of, asked or not.
void protect_what_is_read(const Job& job) {
    std::vector<fs::path> read;
    add_paths(read, job.options.weights);
    add_paths(read, job.options.text);
    add_paths(read, job.options.tokens);
    add_paths(read, job.options.heldout);
    const fs::path out = fs::canonical(job.out);
    for (const fs::path& path : read) {
        std::error_code no_place;  // such as that of a pipe
        const fs::path inside = fs::weakly_canonical(fs::absolute(path), no_place).lexically_relative(out);
        if (no_place || inside.empty()) continue;
        if (inside != "." && !belongs_to_a_run(inside.begin()->string())) continue;
        throw lamina::ArgumentError("--out " + job.out.string() + " would replace " + path.string() +
                                    ", which is read; give another --out");
    }
}

/// What a new run must not replace unasked, and what to do about it; empty where there is nothing. An unfinished run
/// without a checkpoint has nothing that its next start does not make again.
std::string reason_to_keep(const fs::path& out, const std::vector<std::string>& names) {
    const auto has = [&names](const char* start) {
        return std::any_of(names.begin(), names.end(), [start](const auto& name) { return name.starts_with(start); });
    };
    if (names.empty()) return "";
    if (!is_of_a_run(out / "run.json")) {
        const auto own = std::find_if(names.begin(), names.end(), belongs_to_a_run);
        const std::string& shown = own == names.end() ? names.front() : *own;
        return "holds " + lamina::printable(shown) + ", which is of no run; give another --out, or --force to " +
               (own == names.end() ? "write beside it" : "replace it");
    }
    if (has("results.json")) return "holds a finished run; give another --out, or --force to replace it";
    if (has("checkpoint-")) {
        return "holds the checkpoints of an unfinished run; go on with --resume, give another --out, or --force to "
               "replace it";
    }
    for (const char* made : {"adapter.safetensors", "folded", "results.md", "loss.svg"}) {
        if (has(made)) return std::string("holds ") + made + "; give another --out, or --force to replace it";
    }
    return "";
}

void begin(const Job& job) {
    const std::vector<std::string> names = common::visible_names(job.out);
    if (!job.options.force) {
        const std::string reason = reason_to_keep(job.out, names);
        if (!reason.empty()) throw lamina::ArgumentError("--out " + job.out.string() + " " + reason);
    }
    protect_what_is_read(job);
    for (const std::string& name : names) {
        if (belongs_to_a_run(name)) fs::remove_all(job.out / name);
    }
    write_run(job, Json::array({place_of(job)}));
}

/// What keeps a run of these settings and places from going on here; empty where nothing does.
std::string reason_against(const Json& settings, const Json& places, const Job& job) {
    std::string problem = difference(settings, settings_of(job));
    const Json now = place_of(job);
    for (const Json& place : places) {
        // Another device may go on, but on the CPU threads decide bits.
        if (problem.empty() && place.value("device", "") == now["device"] && now.contains("threads")) {
            problem = difference(place, now);
        }
    }
    return problem;
}

}  // namespace

Json place_of(const Job& job) {
    const common::Place& place = job.options.place;
    Json json{{"device", common::name_of(place.device)}};
    if (place.device == common::Device::cpu) {
        json["threads"] = place.threads;
    } else {
        json["float products"] = place.float_products;
    }
    return json;
}

std::string difference(const Json& stored, const Json& now) {
    const Json before = stored.flatten();
    const Json after = now.flatten();
    for (const auto& [setting, value] : after.items()) {
        const Json found = before.value(setting, Json());
        if (found != value) return setting.substr(1) + " is " + found.dump() + ", expected " + value.dump();
    }
    return before.size() == after.size() ? "" : "there are settings that this run does not have";
}

void open_run_folder(const Job& job) {
    const fs::path run = job.out / "run.json";
    if (!job.options.resume) {
        begin(job);
        return;
    }
    if (!fs::exists(run)) {
        throw lamina::FileError(run.string(), "does not exist, so there is no run to go on with; drop --resume");
    }
    Json settings = lamina::io::read_json(run);
    Json places = take_places(settings);
    name_adaptation(settings, job);
    const std::string problem = reason_against(settings, places, job);
    if (!problem.empty()) {
        throw lamina::FileError(run.string(), "was made with other settings: " + problem +
                                                  "; repeat the flags of the first run, or start anew");
    }
    if (places.empty() || places.back() != place_of(job)) places.push_back(place_of(job));
    write_run(job, places);
}

}  // namespace remove_layernorm
