// SPDX-License-Identifier: MIT
#include "run_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_file.hpp>
#include <lamina/recipe/describe.hpp>

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

void make_writable(const fs::path& out) {
    std::error_code error;
    fs::create_directories(out, error);
    if (error) throw lamina::FileError(out.string(), "cannot be created: " + error.message());
    const fs::path probe = out / ".writable";
    lamina::io::write_file(probe, "");
    fs::remove(probe, error);
}

void begin(const Job& job) {
    std::vector<fs::path> old;
    bool has_checkpoint = false;
    for (const fs::directory_entry& entry : fs::directory_iterator(job.out)) {
        const std::string name = entry.path().filename().string();
        if (belongs_to_a_run(name)) old.push_back(entry.path());
        has_checkpoint = has_checkpoint || name.starts_with("checkpoint-");
    }
    if (has_checkpoint && !fs::exists(job.out / "results.json")) {
        throw lamina::ArgumentError("--out " + job.out.string() +
                                    " holds the checkpoints of an unfinished run; continue it with --resume, or give "
                                    "another folder");
    }
    for (const fs::path& path : old) fs::remove_all(path);
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
        make_writable(job.out);
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
    make_writable(job.out);
    if (places.empty() || places.back() != place_of(job)) places.push_back(place_of(job));
    write_run(job, places);
}

}  // namespace remove_layernorm
