// SPDX-License-Identifier: MIT
// The table of algorithms beside a checkpoint, and in a file of its own, of a backend that only pretends to have some.
#include "common/algorithm_table.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/json_file.hpp>

#include <filesystem>
#include <string>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

namespace {

using lamina::io::Json;
using lamina::io::JsonObject;

struct Choosing {
    std::string table = "of nothing";
    bool settled = false;

    [[nodiscard]] std::string exported_algorithms() const { return table; }
    void import_algorithms(const std::string& text) {
        if (text == "of another device") throw lamina::Error("a table of another device; time them anew");
        table = text;
    }
    void settle_algorithms() { settled = true; }
};
struct ChoosingNothing {};

static_assert(common::ChoosesAlgorithms<Choosing>);
static_assert(!common::ChoosesAlgorithms<ChoosingNothing>);

}  // namespace

TEST_CASE("who keeps a table and who takes it go on alike", "[examples]") {
    Choosing first{.table = "of ten products"};
    Json fields = Json::object();
    common::keep_algorithms(first, fields);
    CHECK(first.settled);
    Choosing second;
    CHECK_FALSE(common::take_algorithms(second, JsonObject("file", "", fields)));
    CHECK(second.table == first.table);
    CHECK(second.settled);
}

TEST_CASE("a table that does not fit is told, and algorithms are timed", "[examples]") {
    Choosing backend;
    const Json fields{{"algorithms", "of another device"}};
    CHECK(common::take_algorithms(backend, JsonObject("file", "", fields)) ==
          std::string("a table of another device; time them anew"));
    CHECK_FALSE(backend.settled);
    const Json none = Json::object();
    CHECK_FALSE(common::take_algorithms(backend, JsonObject("file", "", none)));
    CHECK_FALSE(backend.settled);
}

TEST_CASE("a backend that chooses nothing keeps nothing", "[examples]") {
    ChoosingNothing backend;
    Json fields = Json::object();
    common::keep_algorithms(backend, fields);
    CHECK(fields.empty());
    CHECK_FALSE(common::take_algorithms(backend, JsonObject("file", "", fields)));
}

TEST_CASE("a file of a table is read where it is there", "[examples]") {
    const lamina_tests::ScratchFolder folder;
    const std::filesystem::path file = folder.path() / "algorithms.json";
    Choosing backend{.table = "of ten products"};
    common::read_algorithms(backend, file);
    CHECK(backend.table == "of ten products");
    common::write_algorithms(backend, file);
    Choosing other;
    common::read_algorithms(other, file);
    CHECK(other.table == "of ten products");
    CHECK_FALSE(other.settled);

    lamina::io::write_json(file, {{"algorithms", "of another device"}});
    CHECK_THROWS_WITH(common::read_algorithms(other, file),
                      file.string() + ": a table of another device; time them anew, without this file");
    lamina::io::write_json(file, {{"algorithms", 3}});
    CHECK_THROWS_WITH(common::read_algorithms(other, file),
                      Catch::Contains("field \"algorithms\" is 3, expected a string"));
    lamina::io::write_file(file, "lamina");
    CHECK_THROWS_WITH(common::read_algorithms(other, file), Catch::StartsWith(file.string() + ": is not valid JSON"));
}
