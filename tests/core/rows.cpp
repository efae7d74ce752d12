// SPDX-License-Identifier: MIT
#include <lamina/core/rows.hpp>

#include <array>
#include <cstddef>
#include <numeric>
#include <type_traits>

#include <lamina/core/bfloat16.hpp>

#include "support/catch.hpp"

using namespace lamina;

// A view is passed by value everywhere and to kernels: four words, or three where the type knows the width.
static_assert(sizeof(MatrixView<float>) == sizeof(float*) + 3 * sizeof(std::size_t));
static_assert(sizeof(Rows<float, 8>) == sizeof(float*) + 2 * sizeof(std::size_t));
static_assert(std::is_trivially_copyable_v<MatrixView<bf16>> && std::is_trivially_copyable_v<Rows<bf16, 768>>);
static_assert(std::is_same_v<MatrixView<const float>::value_type, float>);
static_assert(std::is_same_v<Rows<const float, 768>::value_type, float>);
static_assert(Rows<float, 768>::columns_of_type == 768 && Rows<float, 768>::cols == 768);
static_assert(MatrixView<float>::columns_of_type == dynamic && std::is_same_v<MatrixView<float>, Rows<float>>);

namespace {

template <class From, class To>
constexpr bool converts = std::is_convertible_v<From, To>;
template <class From, class To>
constexpr bool claims = std::is_constructible_v<To, From> && !std::is_convertible_v<From, To>;
template <class From, class To>
constexpr bool never = !std::is_constructible_v<To, From>;

// Writable becomes read-only, never the other way round.
static_assert(converts<MatrixView<float>, MatrixView<const float>>);
static_assert(converts<Rows<float, 4>, Rows<const float, 4>>);
static_assert(never<MatrixView<const float>, MatrixView<float>>);
static_assert(never<Rows<const float, 4>, Rows<float, 4>>);

// A width is forgotten without a word and claimed with one; both together with becoming read-only.
static_assert(converts<Rows<float, 4>, MatrixView<float>> && converts<Rows<const float, 4>, MatrixView<const float>>);
static_assert(converts<Rows<float, 4>, MatrixView<const float>>);
static_assert(never<Rows<const float, 4>, MatrixView<float>>);
static_assert(claims<MatrixView<float>, Rows<float, 4>> && claims<MatrixView<const float>, Rows<const float, 4>>);
static_assert(claims<MatrixView<float>, Rows<const float, 4>>);
static_assert(never<MatrixView<const float>, Rows<float, 4>>);

// Another width or another scalar is another matrix.
static_assert(never<Rows<float, 3>, Rows<float, 4>> && never<Rows<float, 4>, Rows<float, 3>>);
static_assert(never<Rows<float, 1>, Rows<const float, 4>>);
static_assert(never<MatrixView<float>, MatrixView<const double>> && never<Rows<float, 4>, MatrixView<double>>);
static_assert(never<Rows<float, 4>, Rows<const double, 4>> && never<MatrixView<float>, Rows<bf16, 4>>);

// The number of columns is an argument where the type leaves it open, and else only beside a stride.
static_assert(std::is_constructible_v<MatrixView<float>, float*, std::size_t, std::size_t>);
static_assert(!std::is_constructible_v<MatrixView<float>, float*, std::size_t>);
static_assert(std::is_constructible_v<Rows<float, 4>, float*, std::size_t>);
static_assert(!std::is_constructible_v<Rows<float, 4>, float*, std::size_t, std::size_t>);

static_assert(SameColumns<3, 3> && !SameColumns<3, 4> && !SameColumns<1, 3>);
static_assert(SameColumns<dynamic, 3> && SameColumns<3, dynamic> && SameColumns<dynamic, dynamic>);

static_assert(detail::is_rows<Rows<const float, 4>> && detail::is_rows<MatrixView<bf16>>);
static_assert(!detail::is_rows<float*> && !detail::is_rows<const MatrixView<float>&>);

// Columns that there are not are not to be had where the type knows it.
template <class View, std::size_t First, std::size_t Count>
concept HasColumns = requires(View view) {
    view.template columns<First, Count>();
};
static_assert(HasColumns<Rows<float, 4>, 1, 3> && !HasColumns<Rows<float, 4>, 1, 4> &&
              !HasColumns<Rows<float, 4>, 5, 0>);
static_assert(HasColumns<MatrixView<float>, 1, 4>);

/// 0, 1, 2, … in three rows of four.
struct ThreeByFour {
    std::array<float, 12> values{};
    ThreeByFour() { std::iota(values.begin(), values.end(), 0.0F); }
    MatrixView<float> view() { return {values.data(), 3, 4}; }
    Rows<float, 4> rows() { return {values.data(), 3}; }
};

constexpr std::array<int, 6> constant{0, 1, 2, 3, 4, 5};
static_assert(MatrixView<const int>(constant.data(), 2, 3)(1, 2) == 5);
static_assert(MatrixView<const int>(constant.data(), 2, 3).columns(1, 2).middle_rows(1, 1)(0, 0) == 4);
static_assert(Rows<const int, 3>(constant.data(), 2).columns<1, 2>().middle_rows(1, 1)(0, 0) == 4);
// One index counts the elements in memory, of a vector whichever way it lies.
static_assert(Rows<const int, 1>(constant.data(), 6)[5] == 5 && MatrixView<const int>(constant.data(), 1, 6)[5] == 5);
static_assert(Rows<const int, 3>(constant.data(), 2)[4] == 4);

// A view of what is not anywhere can be cut in a constant expression, and stays there.
constexpr Rows<float, 12> on_paper(&nowhere<float>, 7);
static_assert(on_paper.columns<4, 4>().data == on_paper.data && on_paper.middle_rows(3, 2).data == on_paper.data);
static_assert(on_paper.columns<4, 4>().stride == 12 && on_paper.middle_rows(3, 2).rows == 2);
static_assert(!on_paper.empty() && on_paper.size() == 84);

}  // namespace

TEMPLATE_TEST_CASE("a view finds its elements row by row", "[core]", MatrixView<float>, (Rows<float, 4>)) {
    ThreeByFour matrix;
    const TestType view(matrix.view());
    CHECK(view.stride == 4);
    CHECK((view.rows == 3 && view.cols == 4));
    CHECK(view.size() == 12);
    CHECK(view(2, 1) == 9);
    CHECK(view.row(1) == matrix.values.data() + 4);
    view(2, 1) = -1;
    CHECK(matrix.values[9] == -1);
    const auto readable = view.read_only();
    STATIC_REQUIRE(std::is_same_v<decltype(readable), const Rows<const float, TestType::columns_of_type>>);
    CHECK(readable(2, 1) == -1);
    CHECK(readable.data == view.data);
}

TEST_CASE("a view whose type knows its width is the same view without it", "[core]") {
    ThreeByFour matrix;
    const Rows<float, 2> slice(matrix.values.data() + 1, 3, 2, 4);
    for (const MatrixView<const float> forgotten : {MatrixView<const float>(slice), slice.erased().read_only()}) {
        CHECK(forgotten.data == slice.data);
        CHECK((forgotten.rows == 3 && forgotten.cols == 2 && forgotten.stride == 4));
    }
}

TEST_CASE("a width is claimed of a view that has it, or of none at all", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> slice = matrix.view().columns(1, 2);
    const Rows<float, 2> claimed(slice);
    CHECK(claimed.data == slice.data);
    CHECK((claimed.rows == 3 && claimed.stride == 4));
    CHECK(claimed(2, 1) == 10);
    CHECK_THROWS_AS((Rows<float, 3>(slice)), ContractViolation);
    CHECK_THROWS_AS((Rows<const float, 1>(slice)), ContractViolation);
    CHECK(Rows<float, 3>(MatrixView<float>{}).empty());
}

TEST_CASE("columns are a slice with the stride of the whole", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> slice = matrix.view().columns(1, 2);
    CHECK((slice.rows == 3 && slice.cols == 2 && slice.stride == 4));
    CHECK(slice(0, 0) == 1);
    CHECK(slice(2, 1) == 10);
    CHECK_FALSE(slice.contiguous());
    CHECK(slice.middle_rows(1, 1).contiguous());  // one row is contiguous whatever its stride

    const Rows<float, 2> typed = matrix.rows().columns<1, 2>();
    const Rows<float, 2> of_unknown = matrix.view().columns<1, 2>();
    for (const Rows<float, 2>& other : {typed, of_unknown}) {
        CHECK(other.data == slice.data);
        CHECK((other.rows == 3 && other.stride == 4));
    }
    const MatrixView<float> forgotten = matrix.rows().columns(1, 2);
    CHECK((forgotten.data == slice.data && forgotten.cols == 2));
}

TEST_CASE("middle_rows are a slice of whole rows", "[core]") {
    ThreeByFour matrix;
    const Rows<float, 4> slice = matrix.rows().middle_rows(1, 2);
    CHECK((slice.rows == 2 && slice.cols == 4));
    CHECK(slice(0, 0) == 4);
    CHECK(slice.contiguous());
    CHECK(matrix.view().middle_rows(1, 2).data == slice.data);
    CHECK((matrix.rows().first_rows(2).data == matrix.values.data() && matrix.rows().first_rows(2).rows == 2));
}

TEST_CASE("a slice past the end is a caller's bug, an empty one at the end is not", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> view = matrix.view();
    CHECK_THROWS_AS(view.columns(3, 2), ContractViolation);
    CHECK_THROWS_AS(view.columns(5, 0), ContractViolation);
    CHECK_THROWS_AS((view.columns<3, 2>()), ContractViolation);
    CHECK_THROWS_AS(matrix.rows().columns(3, 2), ContractViolation);
    CHECK_THROWS_AS(view.middle_rows(1, 3), ContractViolation);
    CHECK_THROWS_AS(view.first_rows(4), ContractViolation);
    CHECK(view.columns(4, 0).size() == 0);
    CHECK(view.middle_rows(3, 0).size() == 0);
}

TEMPLATE_TEST_CASE("a view of nothing is empty, a view of no elements is not", "[core]", MatrixView<float>,
                   (Rows<float, 4>)) {
    ThreeByFour matrix;
    CHECK(TestType{}.empty());
    CHECK(TestType{}.size() == 0);
    CHECK(TestType{}.erased().empty());
    CHECK_FALSE(TestType(matrix.view().first_rows(0)).empty());
}

TEST_CASE("a vector is one row, or the same row many times, or one number per row", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> one = row_view(matrix.values.data(), 12);
    CHECK((one.rows == 1 && one.cols == 12 && one(0, 11) == 11));
    const MatrixView<float> many = repeated(matrix.view().first_rows(1), 1000);
    CHECK((many.rows == 1000 && many.cols == 4 && many.stride == 0));
    CHECK(many(999, 3) == 3);
    CHECK_FALSE(many.contiguous());
    const Rows<float, 4> typed = repeated(matrix.rows().middle_rows(1, 1), 1000);
    CHECK((typed.rows == 1000 && typed.stride == 0));
    CHECK(typed(999, 3) == 7);
    const Rows<float, 1> each(matrix.values.data(), 12);
    CHECK((each.contiguous() && each[11] == 11));
}
