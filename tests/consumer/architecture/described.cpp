// SPDX-License-Identifier: MIT
// What model.hpp asserts is all there is to see.
#include "model.hpp"

int main() {}
