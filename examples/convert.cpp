// SPDX-License-Identifier: MIT
// convert: models and adapters from and to the forms that transformers, PEFT and llm.c read.
#include "common/built_models.hpp"
#include "common/flags.hpp"
#include "common/model_folder.hpp"
#include "common/out_folder.hpp"
#include "common/program.hpp"
#include "common/warnings.hpp"
#include "convert/request.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/memory_map.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace convert;
using lamina::ArgumentError;
namespace fs = std::filesystem;

struct CommandLine {
    Request request;
    std::string run;
    std::string peft;
    std::string llm_c;
    std::string to;
    std::string store_as;
};

struct Pair {
    Source source;
    std::string_view flag;
    Target target;
    std::string_view name;
};
constexpr std::array pairs{
    Pair{Source::run, "--run", Target::hugging_face, "hugging-face"}, Pair{Source::run, "--run", Target::peft, "peft"},
    Pair{Source::peft, "--peft", Target::run, "run"}, Pair{Source::weights, "--weights", Target::llm_c, "llm-c"},
    Pair{Source::llm_c, "--llm-c", Target::hugging_face, "hugging-face"}};

void add_flags(CLI::App& app, CommandLine& line) {
    app.add_option("--model", line.request.model,
                   "what the model is called, such as gpt2-medium, where nothing says it, as with --peft")
        ->type_name("NAME");
    app.add_option("--weights", line.request.weights,
                   "Hugging Face folder to convert, or that --peft is for, or with --run what the run began with "
                   "(default: its pretrained/)")
        ->type_name("DIR");
    auto* const run = app.add_option("--run", line.run, "folder of a run of remove_layernorm")->type_name("DIR");
    auto* const peft = app.add_option("--peft", line.peft, "folder of a PEFT adapter")->type_name("DIR");
    app.add_option("--llm-c", line.llm_c, "llm.c's checkpoint")
        ->type_name("FILE")
        ->excludes(run)
        ->excludes(peft)
        ->excludes("--weights");
    peft->excludes(run);
    common::add_word(app, "--to", line.to,
                     "hugging-face from --run or --llm-c, peft from --run, run from --peft, llm-c from --weights",
                     {"hugging-face", "peft", "run", "llm-c"})
        ->required();
    app.add_option("--out", line.request.out, "folder, or with --to llm-c file, to write")
        ->type_name("PATH")
        ->required();
    common::add_word(app, "--store-as", line.store_as, "type of the numbers (default: f32)", {"f32", "bf16"});
    app.add_option(
        "--base-name", line.request.base_name,
        "with --to peft: base_model_name_or_path (default: OUT/base, or the weights where all norms measure)");
    app.add_flag("--strict", line.request.strict, common::strict_text);
    app.add_flag("--force", line.request.force, "write over files, but never over what is read, nor in a run's folder");
}

/// The pair of source and target, and where the source is.
void find_pair(CommandLine& line) {
    Request& request = line.request;
    std::string_view flag = "--weights";
    for (const auto& [given, path] : {std::pair{"--run", line.run}, {"--peft", line.peft}, {"--llm-c", line.llm_c}}) {
        if (path.empty()) continue;
        flag = given;
        request.from = path;
    }
    if (request.from.empty() && request.weights.empty()) {
        throw ArgumentError("expected one of --weights, --run, --peft and --llm-c, to say what to convert");
    }
    std::string expected;
    for (const Pair& pair : pairs) {
        if (pair.name != line.to) continue;
        if (pair.flag == flag) {
            request.source = pair.source;
            request.target = pair.target;
            return;
        }
        expected += (expected.empty() ? "" : " or ") + std::string(pair.flag);
    }
    throw ArgumentError("--to " + line.to + " cannot be made of " + std::string(flag) + ", expected " + expected);
}

/// Whether every norm of a run measures.
bool all_measure(const fs::path& norms) {
    const lamina::io::JsonFile file(norms);
    const lamina::io::JsonObject states = file.object().object("norms");
    const std::vector<std::string> names = states.keys();
    return std::none_of(names.begin(), names.end(), [&states](const std::string& name) {
        const lamina::io::JsonObject state = states.object(name);
        return state.require<bool>("fixed") || state.require<bool>("values_fixed");
    });
}

/// What the flags leave to be found in the folder of a run.
void look_into_run(Request& request) {
    const lamina::io::JsonFile settings(request.from / "run.json");
    const auto model = settings.object().require<std::string>("model");
    if (request.model.empty()) request.model = model;
    if (request.model != model) {
        settings.object().fail("model",
                               "is " + lamina::in_quotes(model) + ", expected " + request.model + " as --model says");
    }
    request.weights = any_model::weights_of_run(request.from, request.weights);
    request.measures = all_measure(request.from / "norms.json");
}

/// The model that llm.c's header tells; the loader checks the rest of it.
common::BuiltModel model_in_header(const fs::path& file, const std::string& name) {
    const lamina::io::MemoryMap map(file);
    const lamina::io::FileKind kind = lamina::io::file_kind(map.bytes(), map.bytes().size());
    constexpr const char* expected = "a checkpoint of llm.c";
    if (kind != lamina::io::FileKind::llm_c_checkpoint) lamina::io::fail_kind(file, kind, expected, map.bytes());
    std::array<std::int32_t, 7> header{};
    if (map.bytes().size() >= sizeof header) std::memcpy(header.data(), map.bytes().data(), sizeof header);
    if (header[4] < 1 || header[6] < 1) throw lamina::FileError(file.string(), "has no size in its header");
    for (const common::BuiltModel& model : Models::models()) {
        const lamina::Architecture& size = model.facts.architecture;
        if (!std::cmp_equal(size.layers, header[4]) || !std::cmp_equal(size.embed, header[6])) continue;
        if (name.empty() || name == model.name) return model;
        throw lamina::FileError(file.string(), "describes " + model.name + ", but --model is " + name);
    }
    throw lamina::FileError(file.string(), "describes " + std::to_string(header[4]) + " layers of width " +
                                               std::to_string(header[6]) + ", which this build has not; " +
                                               common::run_sh("--model NAME") + " … builds one for it");
}

/// The model of what is converted.
common::BuiltModel find_model(Request& request) {
    if (request.source == Source::run) look_into_run(request);
    if (request.source == Source::llm_c) return model_in_header(request.from, request.model);
    if (request.source == Source::peft && request.weights.empty()) {
        if (request.model.empty()) {
            throw ArgumentError("--model is missing, or --weights; an adapter does not say its model");
        }
        return common::model_called(Models::models(), request.model);
    }
    return any_model::model_in(Models::models(), request.weights, any_model::Kind::pretrained, request.model);
}

/// What was instantiated for a request.
///
/// errors   ArgumentError that says how to build the program for it
Conversion conversion_of(const Request& request, const common::BuiltModel& model) {
    constexpr common::Device cpu = common::Device::cpu;
    if (request.source == Source::weights || request.source == Source::llm_c) {
        return Models::find(cpu, model.name)->function.convert;
    }
    if (request.source == Source::run) {
        const common::Adaptation adaptation = any_model::adaptation_of_run(request.from, model);
        const auto* const entry = Runs::find(cpu, model.name, adaptation);
        if (entry == nullptr) common::fail_not_built(cpu, model.name, adaptation, "--run " + request.from.string());
        return entry->function.convert;
    }
    const auto* const entry = Runs::find(cpu, model.name);
    if (entry == nullptr) common::fail_not_built(cpu, model.name);
    return entry->function.convert;
}

/// An absolute path without detours, as a loader may run anywhere.
fs::path from_anywhere(const fs::path& path) {
    const fs::path plain = fs::absolute(path).lexically_normal();
    return plain.has_filename() ? plain : plain.parent_path();
}

/// Where a model is written that people will want the tokenizer of the weights beside; empty if none is.
fs::path folder_with_tokenizer(const Request& request) {
    if (request.source != Source::run || request.measures) return {};
    return request.target == Target::peft ? request.out / "base" : request.out;
}

/// The files that a conversion writes.
std::vector<fs::path> destinations(const Request& request) {
    std::vector<fs::path> files;
    const auto add = [&files](const fs::path& folder, std::initializer_list<const char*> names) {
        for (const char* const name : names) files.push_back(folder / name);
    };
    switch (request.target) {
        case Target::llm_c:
            return {request.out};
        case Target::run:
            add(request.out, {"adapter.safetensors", "norms.json", "run.json"});
            break;
        case Target::hugging_face:
            add(request.out, {"model.safetensors", "config.json"});
            break;
        case Target::peft:
            add(request.out, {"adapter_model.safetensors", "adapter_config.json"});
            if (!request.measures) add(request.out / "base", {"model.safetensors", "config.json"});
            break;
    }
    const fs::path folder = folder_with_tokenizer(request);
    if (folder.empty()) return files;
    for (const fs::path& file : any_model::tokenizer_files_in(request.weights)) {
        files.push_back(folder / file.filename());
    }
    return files;
}

/// Whether a file that exists is a source, or lies in the folder of one or of any run.
bool is_read_or_in_run(const fs::path& file, const Request& request) {
    std::error_code ignored;
    for (fs::path place = file;; place = place.parent_path()) {
        for (const fs::path& source : {request.weights, request.from}) {
            if (!source.empty() && fs::equivalent(source, place, ignored)) return true;
        }
        if (fs::exists(place / "run.json", ignored)) return true;
        if (place == place.parent_path()) return false;
    }
}

/// Nothing that is there may be written over unasked, and nothing that is read, and no run, at all.
void protect(const Request& request) {
    for (const fs::path& source : {request.weights, request.from}) {
        std::error_code error;
        if (!source.empty() && fs::equivalent(source, request.out, error)) {
            throw ArgumentError("--out " + request.out.string() + " is what is read; give another place");
        }
    }
    for (const fs::path& file : destinations(request)) {
        if (!fs::exists(file)) continue;
        // Where it really lies: what is written goes through symbolic links.
        if (is_read_or_in_run(fs::canonical(file), request)) {
            throw ArgumentError(file.string() + " belongs to what is read, or to a run; give another --out");
        }
        if (!request.force) throw ArgumentError(file.string() + " exists; give another --out, or --force");
    }
}

void run(CommandLine& line) {
    Request& request = line.request;
    find_pair(line);
    if (!line.store_as.empty()) {
        request.store_as = line.store_as == "bf16" ? lamina::ScalarType::bf16 : lamina::ScalarType::f32;
    }
    if (request.target == Target::run && request.store_as) {
        throw ArgumentError("--store-as does not go with --to run, which keeps what training keeps");
    }
    if (request.target != Target::peft && !request.base_name.empty()) {
        throw ArgumentError("--base-name goes with --to peft only");
    }
    const common::BuiltModel model = find_model(request);
    request.model = model.name;
    request.end_of_text = any_model::end_of_text_in(request.weights, model.facts.architecture.vocab);
    const Conversion conversion = conversion_of(request, model);
    if (request.base_name.empty()) {
        request.base_name = from_anywhere(request.measures ? request.weights : request.out / "base").string();
    }
    protect(request);
    std::optional<common::OutFolder> folder;
    if (request.target != Target::llm_c) {
        folder.emplace(request.out);
        protect(request);  // from what another conversion wrote meanwhile, too
    }
    const std::string made = conversion(request);
    if (const fs::path beside = folder_with_tokenizer(request); !beside.empty()) {
        any_model::copy_tokenizer(request.weights, beside);
    }
    std::printf("%s: %s\n", request.out.c_str(), made.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Converts GPT-2 models and adapters from and to what transformers, PEFT and llm.c read.", "convert"};
    CommandLine line;
    add_flags(app, line);
    return common::run_program(app, argc, argv, [&] { run(line); });
}
