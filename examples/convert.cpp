// SPDX-License-Identifier: MIT
// convert: models and adapters from and to the forms that transformers, PEFT and llm.c read.
#include "convert/request.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/json_file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

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
                   "nano, gpt2, gpt2-medium, gpt2-large or gpt2-xl (default: what the run says)")
        ->check(CLI::IsMember({"nano", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"}));
    app.add_option("--weights", line.request.weights,
                   "Hugging Face folder to convert, or with --run what the run began with (default: its pretrained/)");
    auto* const run = app.add_option("--run", line.run, "folder of a run of remove_layernorm");
    auto* const peft = app.add_option("--peft", line.peft, "folder of a PEFT adapter");
    app.add_option("--llm-c", line.llm_c, "llm.c's checkpoint")->excludes(run)->excludes(peft)->excludes("--weights");
    peft->excludes(run)->excludes("--weights");
    app.add_option("--to", line.to,
                   "hugging-face (from --run, --llm-c), peft (from --run), run (from --peft) or llm-c (from --weights)")
        ->check(CLI::IsMember({"hugging-face", "peft", "run", "llm-c"}))
        ->required();
    app.add_option("--out", line.request.out, "folder, or with --to llm-c file, to write")->required();
    app.add_option("--store-as", line.store_as, "f32 or bf16 (default: f32)")->check(CLI::IsMember({"f32", "bf16"}));
    app.add_option("--base-name", line.request.base_name,
                   "with --to peft: base_model_name_or_path (default: OUT/base)");
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

/// What the flags leave to be found in the folder of a run.
void look_into_run(Request& request) {
    const lamina::io::JsonFile settings(request.from / "run.json");
    const auto model = settings.object().require<std::string>("model");
    if (request.model.empty()) request.model = model;
    if (request.model != model) {
        settings.object().fail("model", "is \"" + model + "\", expected " + request.model + " as --model says");
    }
    if (request.weights.empty()) request.weights = request.from / "pretrained";
    if (!fs::exists(request.weights / "config.json")) {
        throw ArgumentError(request.weights.string() +
                            " has no config.json; give the folder that the run began with as --weights");
    }
}

/// Nothing that is read, and no run, may be written over.
void protect(const Request& request) {
    for (const fs::path& source : {request.weights, request.from}) {
        std::error_code error;
        if (!source.empty() && fs::equivalent(source, request.out, error)) {
            throw ArgumentError("--out " + request.out.string() + " is what is read; give another place");
        }
    }
    if (request.target != Target::llm_c && fs::exists(request.out / "run.json")) {
        throw ArgumentError("--out " + request.out.string() + " holds a run; give another folder");
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
    if (request.source == Source::run) look_into_run(request);
    if (request.model.empty()) throw ArgumentError("--model is missing; only a run says its size itself");
    const auto size = Sizes::all().find(request.model);
    if (size == Sizes::all().end()) {
        throw ArgumentError("--model " + request.model +
                            " is not in this build; configure it with -DLAMINA_MODELS=" + request.model);
    }
    protect(request);
    const std::string made = size->second(request);
    std::printf("%s: %s\n", request.out.c_str(), made.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Converts GPT-2 models and adapters from and to what transformers, PEFT and llm.c read.", "convert"};
    app.failure_message([](const CLI::App* program, const CLI::Error& error) {
        return program->get_name() + ": " + error.what() + "\n";
    });
    CommandLine line;
    add_flags(app, line);
    CLI11_PARSE(app, argc, argv);
    try {
        run(line);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "convert: %s\n", error.what());
        return 1;
    }
}
