// SPDX-License-Identifier: MIT
#include <lamina/io/metric_log.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <filesystem>
#include <limits>
#include <string>
#include <type_traits>

using namespace lamina::io;
using namespace lamina_tests;

namespace {

static_assert(!std::is_copy_constructible_v<MetricLog> && std::is_move_constructible_v<MetricLog>);

constexpr const char* three_steps =
    "{\"step\":1,\"loss\":3.5}\n{\"step\":2,\"loss\":3.25}\n{\"step\":5,\"loss\":3.0}\n";

std::string resumed(const std::filesystem::path& path, std::uint64_t last_step) {
    static_cast<void>(MetricLog::resume(path, last_step));
    return contents(path);
}

}  // namespace

TEST_CASE("a metric log holds one line per step, there as soon as it is appended") {
    const ScratchFolder folder;
    const auto path = write(folder / "metrics.jsonl", "of an older run");
    MetricLog log(path);
    CHECK(contents(path).empty());
    log.append(1, {{"loss", 3.5}, {"removed", {"h.0.ln_2"}}});
    CHECK(contents(path) == "{\"step\":1,\"loss\":3.5,\"removed\":[\"h.0.ln_2\"]}\n");
    log.append(2, {{"loss", std::numeric_limits<double>::quiet_NaN()}});
    CHECK(contents(path) == "{\"step\":1,\"loss\":3.5,\"removed\":[\"h.0.ln_2\"]}\n{\"step\":2,\"loss\":null}\n");
    CHECK(log.path() == path);
}

TEST_CASE("a metric log refuses a step that is not later than the last, and a second step field") {
    const ScratchFolder folder;
    MetricLog log(folder / "metrics.jsonl");
    log.append(3, Json::object());
    CHECK_THROWS_WITH(log.append(3, Json::object()),
                      "lamina: MetricLog::append: step 3, expected more than the last one, 3");
    CHECK_THROWS_AS(log.append(3, Json::object()), lamina::ArgumentError);
    CHECK_THROWS_AS(log.append(4, {{"step", 4}}), lamina::ArgumentError);
    CHECK_THROWS_AS(log.append(4, Json::array()), lamina::ArgumentError);
}

TEST_CASE("a resumed metric log drops the steps after the one it is resumed from") {
    const ScratchFolder folder;
    const auto path = write(folder / "metrics.jsonl", three_steps);
    CHECK(resumed(path, 5) == three_steps);
    CHECK(resumed(path, 4) == "{\"step\":1,\"loss\":3.5}\n{\"step\":2,\"loss\":3.25}\n");
    MetricLog log = MetricLog::resume(path, 1);
    log.append(2, {{"loss", 3.125}});
    CHECK(contents(path) == "{\"step\":1,\"loss\":3.5}\n{\"step\":2,\"loss\":3.125}\n");
    CHECK(resumed(path, 0).empty());
}

TEST_CASE("a resumed metric log remembers its last step") {
    const ScratchFolder folder;
    MetricLog log = MetricLog::resume(write(folder / "metrics.jsonl", three_steps), 2);
    CHECK_THROWS_AS(log.append(2, Json::object()), lamina::ArgumentError);
}

TEST_CASE("a resumed metric log drops a last line that was cut") {
    const ScratchFolder folder;
    const auto path = write(folder / "metrics.jsonl", three_steps + std::string("{\"step\":6,\"lo"));
    CHECK(resumed(path, 100) == three_steps);
}

TEST_CASE("a metric log that is resumed without a file is empty") {
    const ScratchFolder folder;
    CHECK(resumed(folder / "metrics.jsonl", 10).empty());
}

TEST_CASE("a resumed metric log names the line that is none of its own, and does not touch the file") {
    const ScratchFolder folder;
    const std::string text = "{\"step\":1}\nnot json\n{\"step\":3}\n";
    const auto path = write(folder / "metrics.jsonl", text);
    CHECK(error_text([&] { resumed(path, 3); }, path) ==
          "line 2 is \"not json\", expected a JSON object with a whole number \"step\"");
    CHECK(contents(path) == text);
    write(path, "{\"step\":-1}\n");
    CHECK(error_text([&] { resumed(path, 3); }, path) ==
          "line 1 is \"{\"step\":-1}\", expected a JSON object with a whole number \"step\"");
}

TEST_CASE("a metric log that cannot be written says why") {
    const ScratchFolder folder;
    const auto missing = folder / "missing" / "metrics.jsonl";
    CHECK(error_text([&] { MetricLog{missing}; }, missing) == "cannot be opened: No such file or directory");
    if (!std::filesystem::exists("/dev/full")) LAMINA_SKIP("there is no /dev/full");
    MetricLog log("/dev/full");
    CHECK(error_text([&] { log.append(1, Json::object()); }) ==
          "/dev/full: cannot be written: No space left on device");
}

TEST_CASE("a metric log counts by the name that it was given") {
    const ScratchFolder folder;
    const auto path = folder / "answers.jsonl";
    MetricLog(path, "item").append(0, {{"step", 7}});
    CHECK(contents(path) == "{\"item\":0,\"step\":7}\n");
    MetricLog log = MetricLog::resume(path, 9, "item");
    CHECK_THROWS_AS(log.append(1, {{"item", 1}}), lamina::ArgumentError);
    log.append(1, Json::object());
    CHECK_THROWS_WITH(
        MetricLog::resume(path, 9),
        path.string() + ": line 2 is \"{\"item\":1}\", expected a JSON object with a whole number \"step\"");
}
