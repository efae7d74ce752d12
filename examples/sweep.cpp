// SPDX-License-Identifier: MIT
// sweep: runs remove_layernorm over a grid of its flags and several seeds, and compares what comes of it.
#include "common/flags.hpp"
#include "common/out_folder.hpp"
#include "common/program.hpp"
#include "sweep/outcome.hpp"
#include "sweep/plan.hpp"
#include "sweep/processes.hpp"
#include "sweep/report.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/io/json_file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace sweep;
using lamina::ArgumentError;
namespace fs = std::filesystem;

/// The shared start of the runs of a model that is trained here.
constexpr const char* start_folder = "start";

struct CommandLine {
    std::string spec;
    std::string preset;
    std::size_t seeds = 1;
    std::string out = "lamina-sweep";
    std::string program;
    std::size_t jobs = 1;
    std::size_t threads = 0;
    bool resume = false;
    bool force = false;
    std::vector<std::string> of_runs;  ///< what stands behind --
};

void add_flags(CLI::App& app, CommandLine& line) {
    CLI::Option* const spec =
        app.add_option("--spec", line.spec,
                       "JSON: {\"flags\": {...}, \"grid\": {\"learning-rate\": [...]}, \"seeds\": [1]}")
            ->type_name("FILE");
    common::add_word(app, "--preset", line.preset, "a grid that needs no file: the rates of the published sweep",
                     {"published-rates"})
        ->excludes(spec);
    common::add_count(app, "--seeds", line.seeds, "of the preset, from 1 on", {.least = 1, .most = 1000})
        ->excludes(spec);
    app.add_option("--out", line.out, "folder for everything that is written")->type_name("DIR")->capture_default_str();
    app.add_flag("--resume", line.resume, "go on with the sweep in --out; values and seeds may have been added");
    app.add_flag("--force", line.force, "write to --out whatever is there; a sweep that is there is deleted")
        ->excludes("--resume");
    common::add_count(app, "--jobs", line.jobs, "runs at a time", {.least = 1, .most = 256});
    common::add_count(app, "--threads", line.threads, "of the CPU for all of them, 0 for all cores",
                      {.most = 1024, .note = "0: all cores"});
    app.add_option("--program", line.program, "remove_layernorm (default: the one beside this program)")
        ->type_name("FILE");
}

[[nodiscard]] Plan plan_of(const CommandLine& line) {
    if (line.spec.empty() && line.preset.empty()) throw ArgumentError("needs --spec FILE or --preset published-rates");
    Plan plan = line.spec.empty() ? published_rates(line.seeds) : read_plan(line.spec);
    add_arguments(plan, line.of_runs);
    return plan;
}

/// remove_layernorm, built for the same models.
[[nodiscard]] fs::path program_of(const CommandLine& line) {
    std::error_code error;
    const fs::path program = line.program.empty()
                                 ? fs::read_symlink("/proc/self/exe", error).replace_filename("remove_layernorm")
                                 : fs::path(line.program);
    if (fs::is_regular_file(program, error)) return fs::absolute(program);
    throw lamina::FileError(program.string(),
                            "is not there; build remove_layernorm beside sweep, or name it with --program");
}

/// A sweep, the program that it starts, and how.
struct Runner {
    Sweep sweep;
    fs::path program;
    std::size_t jobs = 1;
    std::size_t threads_of_each = 1;

    [[nodiscard]] fs::path folder(const std::string& name) const { return sweep.out / name; }
    [[nodiscard]] fs::path log(const std::string& name) const { return sweep.out / (name + ".log"); }

    [[nodiscard]] std::vector<std::string> command(const Configuration& configuration) const {
        std::vector<std::string> words{program.string()};
        for (const auto& part : {arguments_of(sweep.plan.flags), arguments_of(configuration)}) {
            words.insert(words.end(), part.begin(), part.end());
        }
        return words;
    }

    /// Runs that begin with the same model differ by what is compared alone, and train it once.
    [[nodiscard]] bool shares_its_start() const {
        const auto given = [&](const char* flag) {
            return sweep.plan.flags.contains(flag) || sweep.plan.grid.contains(flag);
        };
        return !given("weights") && !sweep.plan.grid.contains("pretrain-steps");
    }
};

void append(std::vector<std::string>& words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
}

/// The program itself says what is wrong with its flags, before anything is begun.
void check_configurations(const Runner& runner) {
    const fs::path log = runner.sweep.out / ".check.log";
    Processes processes;
    for (const Configuration& configuration : runner.sweep.configurations) {
        std::vector<std::string> command = runner.command(configuration);
        command.emplace_back("--dry-run");
        processes.start(0, command, log);
        const Ending ending = processes.wait();
        const std::string reason = ending.code == 0 ? "" : reason_in(log, ending);
        fs::remove(log);
        if (reason.empty()) continue;
        throw ArgumentError("runs with " + label_of(configuration) + " cannot be started: " + reason);
    }
}

/// The folders and logs that a sweep of this plan makes.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<Point>& points) {
    std::vector<std::string> names{"sweep.json", "results.json", "table.md",
                                   "sweep.svg",  start_folder,   std::string(start_folder) + ".log"};
    for (const Point& point : points) {
        names.push_back(point.name);
        names.push_back(point.name + ".log");
    }
    return names;
}

/// What the sweep in a folder was asked to do; nothing where there is none.
[[nodiscard]] std::optional<Plan> plan_in(const fs::path& out) {
    const fs::path file = out / "sweep.json";
    if (!fs::exists(file)) return std::nullopt;
    return read_plan(file);
}

/// Refuses to delete what the runs are to read.
void protect_what_is_read(const Sweep& sweep) {
    const fs::path out = fs::canonical(sweep.out);
    const auto protect = [&](const Json& value) {
        std::error_code none;
        if (!value.is_string() || !fs::exists(value.get<std::string>(), none)) return;
        const fs::path inside =
            fs::weakly_canonical(fs::absolute(value.get<std::string>()), none).lexically_relative(out);
        if (none || inside.empty() || *inside.begin() == "..") return;
        throw ArgumentError("--out " + sweep.out.string() + " would replace " + value.get<std::string>() +
                            ", which is read; give another --out");
    };
    for (const Json* flags : {&sweep.plan.flags, &sweep.plan.grid}) {
        for (const Json& value : *flags) {
            if (value.is_array()) std::for_each(value.begin(), value.end(), protect);
            protect(value);
        }
    }
}

void begin(const Sweep& sweep, bool force) {
    const std::vector<std::string> names = common::visible_names(sweep.out);
    const bool is_sweep = std::find(names.begin(), names.end(), "sweep.json") != names.end();
    if (!names.empty() && !force) {
        throw ArgumentError("--out " + sweep.out.string() +
                            (is_sweep
                                 ? " holds a sweep; go on with --resume, give another --out, or --force to replace it"
                                 : " holds " + lamina::printable(names.front()) +
                                       ", which is of no sweep; give another --out, or --force to write beside it"));
    }
    if (const auto before = plan_in(sweep.out)) {
        protect_what_is_read(sweep);
        for (const std::string& name : names_of(points_of(*before, configurations_of(*before)))) {
            fs::remove_all(sweep.out / name);
        }
    }
    lamina::io::write_json(sweep.out / "sweep.json", json_of(sweep.plan));
}

/// Values and seeds may be added, but what all runs have in common stays.
void go_on(Sweep& sweep) {
    const fs::path file = sweep.out / "sweep.json";
    const auto before = plan_in(sweep.out);
    if (!before)
        throw lamina::FileError(file.string(), "does not exist, so there is no sweep to go on with; drop --resume");
    if (before->flags != sweep.plan.flags) {
        throw lamina::FileError(file.string(), "was made with other flags: " + lamina::printable(before->flags.dump()) +
                                                   "; repeat those of the first start, or give another --out");
    }
    recall_divergences(sweep);
    lamina::io::write_json(file, json_of(sweep.plan));
}

/// Trains the model that all runs begin with, as the first of them would.
void make_start(const Runner& runner) {
    const fs::path folder = runner.folder(start_folder);
    if (fs::exists(folder / "pretrained" / "config.json")) return;
    std::printf("training the model that all runs begin with\n");
    std::fflush(stdout);
    Runner alone = runner;
    alone.sweep.plan.flags.erase("control");
    alone.sweep.plan.flags.erase("no-control");
    Configuration first = runner.sweep.configurations.front();
    std::erase_if(first,
                  [](const auto& setting) { return setting.first == "control" || setting.first == "no-control"; });
    std::vector<std::string> command = alone.command(first);
    append(command, {"--no-control", "--stop-after", "1", "--seed", std::to_string(runner.sweep.plan.seeds.front()),
                     "--out", folder.string()});
    append(command, starting_flags(folder, runner.threads_of_each * runner.jobs));
    Processes processes;
    processes.start(0, command, runner.log(start_folder));
    const Ending ending = processes.wait();
    if (ending.code == 0) return;
    throw lamina::Error("the model that all runs begin with could not be trained: " +
                        reason_in(runner.log(start_folder), ending));
}

void start(Processes& processes, const Runner& runner, std::size_t i) {
    const Point& point = runner.sweep.points[i];
    const fs::path folder = runner.folder(point.name);
    std::vector<std::string> command = runner.command(runner.sweep.configurations[point.configuration]);
    if (runner.shares_its_start()) {
        append(command, {"--weights", (runner.folder(start_folder) / "pretrained").string()});
    }
    append(command, {"--seed", std::to_string(point.seed), "--out", folder.string()});
    append(command, starting_flags(folder, runner.threads_of_each));
    processes.start(i, command, runner.log(point.name));
}

[[nodiscard]] Outcome outcome_of(const Runner& runner, const Ending& ending) {
    const std::string& name = runner.sweep.points[ending.id].name;
    Outcome outcome = read_outcome(runner.folder(name));
    if (ending.code == 0) return outcome;
    const bool diverged = ending.code == static_cast<int>(common::Exit::diverged);
    outcome.state = diverged ? State::diverged : State::failed;
    outcome.reason = reason_in(runner.log(name), ending);
    return outcome;
}

void tell(const Sweep& sweep, std::size_t i, std::size_t ended) {
    const Outcome& outcome = sweep.outcomes[i];
    std::printf("%zu of %zu  %s, seed %llu: ", ended, sweep.points.size(),
                label_of(sweep.configurations[sweep.points[i].configuration]).c_str(),
                static_cast<unsigned long long>(sweep.points[i].seed));
    if (outcome.state == State::finished) {
        std::printf("%.4f before, %.4f folded, %.0f s\n", *outcome.before, *outcome.folded, *outcome.seconds);
    } else {
        std::printf("%s: %s\n", name_of(outcome.state), outcome.reason.c_str());
    }
    std::fflush(stdout);
}

/// Every run that has not ended before, and what they come to.
void run_points(Runner& runner) {
    Sweep& sweep = runner.sweep;
    std::vector<std::size_t> waiting;
    for (std::size_t i = 0; i < sweep.points.size(); ++i) {
        const Outcome known = sweep.outcomes[i];
        sweep.outcomes[i] = read_outcome(runner.folder(sweep.points[i].name));
        if (known.state == State::diverged && sweep.outcomes[i].state == State::waiting) {
            sweep.outcomes[i].state = known.state;
            sweep.outcomes[i].reason = known.reason;
        }
        if (sweep.outcomes[i].state == State::waiting) waiting.push_back(i);
    }
    std::size_t ended = sweep.points.size() - waiting.size();
    if (ended != 0) std::printf("%zu of %zu runs have ended before\n", ended, sweep.points.size());
    write_report(sweep);
    if (waiting.empty()) return;
    if (runner.shares_its_start()) make_start(runner);
    Processes processes;
    for (std::size_t next = 0; next < waiting.size() || processes.running() != 0;) {
        while (next < waiting.size() && processes.running() < runner.jobs) start(processes, runner, waiting[next++]);
        const Ending ending = processes.wait();
        sweep.outcomes[ending.id] = outcome_of(runner, ending);
        tell(sweep, ending.id, ++ended);
        write_report(sweep);
    }
}

void run(const CommandLine& line) {
    Runner runner;
    runner.sweep.plan = plan_of(line);
    runner.sweep.out = line.out;
    runner.program = program_of(line);
    runner.jobs = line.jobs;
    Sweep& sweep = runner.sweep;
    sweep.configurations = configurations_of(sweep.plan);
    sweep.points = points_of(sweep.plan, sweep.configurations);
    sweep.outcomes.resize(sweep.points.size());
    const std::size_t threads = line.threads == 0 ? std::max(1U, std::thread::hardware_concurrency()) : line.threads;
    runner.threads_of_each = std::max<std::size_t>(1, threads / line.jobs);
    const common::OutFolder folder(sweep.out);
    check_configurations(runner);
    line.resume ? go_on(sweep) : begin(sweep, line.force);
    run_points(runner);
    std::printf("\n%s", table_of(sweep).c_str());
    const auto failed = std::count_if(sweep.outcomes.begin(), sweep.outcomes.end(),
                                      [](const Outcome& outcome) { return outcome.state == State::failed; });
    if (failed == 0) return;
    throw lamina::Error(std::to_string(failed) + " of " + std::to_string(sweep.points.size()) +
                        " runs failed; --resume tries them again");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Runs remove_layernorm over a grid of its flags and several seeds. Flags of every run stand in the file of "
        "--spec "
        "or behind --, as in: sweep --preset published-rates -- --weights gpt2/ --text corpus.txt",
        "sweep"};
    CommandLine line;
    add_flags(app, line);
    char** const dashes =
        std::find_if(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--"; });
    if (dashes != argv + argc) line.of_runs.assign(dashes + 1, argv + argc);
    return common::run_program(app, static_cast<int>(std::distance(argv, dashes)), argv, [&] { run(line); });
}
