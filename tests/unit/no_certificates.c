/*
 * Criterion shows differences by libgit2, which reads the certificates of every authority that the
 * machine trusts as it starts, in each test's process: half of a short test's time under ASan. Here
 * it finds none. Nothing else in a test has Mbed TLS read a file.
 */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
    (void)chain;
    (void)path;
    return 0;
}
