// SPDX-License-Identifier: MIT
#include "out_folder.hpp"

#include "../common/out_folder.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/io/json_file.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace evaluate {

namespace {

namespace fs = std::filesystem;
using lamina::ArgumentError;
using lamina::FileError;
using lamina::io::Json;

constexpr const char* pile = "pile10k";

/// Tells questions apart that were confused. FNV-1a.
class Checksum {
public:
    void add(std::string_view bytes) {
        for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
        value_ = (value_ ^ bytes.size()) * 0x100000001b3U;  // parts it from the next
    }
    [[nodiscard]] std::string text() const {
        char digits[17];
        std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value_));
        return digits;
    }

private:
    std::uint64_t value_ = 0xcbf29ce484222325U;
};

/// Size and time of change, by which a large file is known without reading it.
std::string state_of(const fs::path& file) {
    struct ::stat facts {};
    if (::stat(file.c_str(), &facts) != 0) return "missing";
    std::tm when{};
    ::gmtime_r(&facts.st_mtime, &when);
    char text[64];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &when);
    return std::to_string(facts.st_size) + " bytes of " + text;
}

/// The files that the model and its tokens come from.
Json files_of(const Job& job) {
    Json files = Json::object();
    const auto add = [&files](const fs::path& file) { files[fs::weakly_canonical(file).string()] = state_of(file); };
    for (const fs::directory_entry& entry : fs::directory_iterator(job.model.weights)) {
        const fs::path name = entry.path().filename();
        if (name.extension() == ".safetensors" || name == "config.json") add(entry.path());
    }
    if (!job.model.run.empty()) {
        add(job.model.run / "adapter.safetensors");
        add(job.model.run / "norms.json");
    }
    const fs::path tokenizer = job.tokenizer.empty() ? job.model.weights : fs::path(job.tokenizer);
    for (const char* const name : {"vocab.json", "merges.txt", "encoder.json", "vocab.bpe"}) {
        if (fs::exists(tokenizer / name)) add(tokenizer / name);
    }
    return files;
}

Json tasks_of(const Work& work) {
    Json tasks = Json::object();
    if (!work.pile.empty()) {
        Checksum checksum;
        const auto bytes = std::as_bytes(std::span(work.pile));
        checksum.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        tasks[pile] = {{"items", work.pile.size() / work.block}, {"checksum", checksum.text()}};
    }
    for (const TaskWork& task : work.tasks) {
        Checksum checksum;
        for (const lamina::eval::Question& question : task.questions) {
            checksum.add(question.context);
            for (const std::string& choice : question.choices) checksum.add(choice);
            checksum.add(std::to_string(question.gold));
        }
        tasks[task.name] = {{"items", task.questions.size()}, {"checksum", checksum.text()}};
    }
    return tasks;
}

Json settings_of(const Job& job, const Work& work) {
    return {{"model", job.model.model}, {"files", files_of(job)}, {"tasks", tasks_of(work)}};
}

fs::path settings_path(const Job& job) { return job.out / "evaluation.json"; }

[[noreturn]] void refuse_other(const Job& job, const std::string& problem) {
    throw FileError(settings_path(job).string(),
                    problem + "; repeat the flags of the first run, or give another --out");
}

/// Whether something has been done, but not all.
bool is_unfinished(const Job& job) {
    if (fs::exists(job.out / "results.json")) return false;
    std::error_code error;
    constexpr std::uintmax_t heading = 128;
    if (fs::exists(losses_path(job)) && fs::file_size(losses_path(job), error) > heading) return true;
    if (!fs::is_directory(job.out / "answers")) return false;
    const fs::directory_iterator answers(job.out / "answers");
    return std::any_of(begin(answers), end(answers), [&error](const fs::directory_entry& entry) {
        return entry.is_regular_file(error) && entry.file_size(error) > 0;
    });
}

constexpr std::array made_files{"results.json", "results.md", "pile_losses.npy", "answers"};

/// What a new evaluation must not replace unasked, and what to do about it; empty where there is nothing.
std::string reason_to_keep(const Job& job) {
    const std::vector<std::string> names = common::visible_names(job.out);
    if (names.empty()) return "";
    if (!fs::exists(settings_path(job))) {
        const auto own = std::find_first_of(names.begin(), names.end(), made_files.begin(), made_files.end());
        return "holds " + lamina::printable(own == names.end() ? names.front() : *own) +
               ", which is of no evaluation; give another --out, or --force to write there all the same";
    }
    if (is_unfinished(job)) {
        return "holds an unfinished evaluation; go on with --resume, give another --out, or --force to replace it";
    }
    if (fs::exists(job.out / "results.json")) {
        return "holds a finished evaluation; give another --out, or --force to replace it";
    }
    return "";
}

/// Removes what earlier evaluations have left.
void clear(const Job& job) {
    for (const char* const name : {"results.json", "results.md", "pile_losses.npy"}) fs::remove(job.out / name);
    if (!fs::is_directory(job.out / "answers")) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(job.out / "answers")) {
        if (entry.path().extension() == ".jsonl") fs::remove(entry.path());
    }
}

/// Goes on with the evaluation in the folder: on the same model, with all of its tasks, and perhaps with more.
void check_resumed(const Job& job, const Json& now) {
    const lamina::io::JsonFile stored(settings_path(job));
    const lamina::io::JsonObject before = stored.object();
    if (const auto model = before.require<std::string>("model"); model != now["model"]) {
        refuse_other(job, "is of a " + lamina::printable(model) + ", not of a " + job.model.model);
    }
    const lamina::io::JsonObject files = before.object("files");
    for (const std::string& file : files.keys()) {  // such as the adapter of a run that is not named again
        if (now["files"].contains(file)) continue;
        refuse_other(job, "was made with other files: " + lamina::printable(file) + " is not among those of now");
    }
    for (const auto& [file, state] : now["files"].items()) {
        const auto found = files.optional<std::string>(file).value_or("none");
        if (found == state) continue;
        refuse_other(job, "was made with other files: " + file + " was " + lamina::printable(found) + ", now " +
                              state.get<std::string>());
    }
    const lamina::io::JsonObject tasks = before.object("tasks");
    for (const std::string& task : tasks.keys()) {
        if (!now["tasks"].contains(task)) {
            refuse_other(job, "has " + lamina::printable(task) + ", which is missing now");
        }
        const lamina::io::JsonObject of_task = tasks.object(task);
        if (of_task.require<std::string>("checksum") == now["tasks"][task]["checksum"]) continue;
        refuse_other(job, "was made with other questions of " + task);
    }
    // With more to do it is unfinished again.
    if (tasks.keys().size() != now["tasks"].size()) fs::remove(job.out / "results.json");
}

}  // namespace

fs::path answers_path(const Job& job, const std::string& task) { return job.out / "answers" / (task + ".jsonl"); }

fs::path losses_path(const Job& job) { return job.out / "pile_losses.npy"; }

void check_out(const Job& job) {
    if (job.out.empty() || job.resume) return;
    for (const fs::path& read : {job.model.weights, job.model.run}) {
        std::error_code ignored;
        if (read.empty() || !fs::equivalent(read, job.out, ignored)) continue;
        throw ArgumentError("--out " + job.out.string() + " is what is evaluated; give another --out");
    }
    const std::string reason = job.force ? "" : reason_to_keep(job);
    if (!reason.empty()) throw ArgumentError("--out " + job.out.string() + " " + reason);
}

void open_out(const Job& job, const Work& work) {
    if (job.out.empty()) return;
    const Json settings = settings_of(job, work);
    if (job.resume) {
        if (!fs::exists(settings_path(job))) {
            throw FileError(settings_path(job).string(),
                            "does not exist, so there is nothing to go on with; drop --resume");
        }
        check_resumed(job, settings);
    } else {
        clear(job);
    }
    std::error_code error;
    fs::create_directories(job.out / "answers", error);
    if (error) throw FileError(job.out.string(), "cannot be created: " + error.message());
    lamina::io::write_json(settings_path(job), settings);
}

}  // namespace evaluate
