// expect: lamina: two: must be three
#ifdef LAMINA_EXPECT_FAILURE
int lamina_two(int);
void lamina_two(int);  // lamina: two: must be three
#endif
