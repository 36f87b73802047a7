#include "gateway_ca.h"

#include "rf_buf.h"
#include "rf_file.h"
#include "rf_id.h"
#include "rf_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECONDS_PER_DAY 86400L
#define SKEW_SECONDS 3600L /* clocks of clients may be behind */
#define NAMES_MAX_BYTES 16384

RF_DEFINE_CLEANUP(X509, x509, X509_free)
RF_DEFINE_CLEANUP(EVP_PKEY, pkey, EVP_PKEY_free)
RF_DEFINE_CLEANUP(BIO, bio, BIO_free)

/* ---- files ---- */

static char *path_in(const char *dir, const char *name)
{
    return rf_asprintf("%s/%s", dir, name);
}

static int write_bio(const char *dir, const char *name, BIO *bio, mode_t mode)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_in(dir, name);
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    return len > 0 ? rf_file_write_atomic(path, text, (size_t)len, mode) : -ENOMEM;
}

static int write_key(const char *dir, const char *name, EVP_PKEY *key)
{
    RF_CLEANUP(rf_cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return -ENOMEM;
    }
    return write_bio(dir, name, bio, 0600);
}

static int write_cert(const char *dir, const char *name, X509 *cert)
{
    RF_CLEANUP(rf_cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1) {
        return -ENOMEM;
    }
    return write_bio(dir, name, bio, 0644);
}

static BIO *open_file(const char *dir, const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_in(dir, name);
    return BIO_new_file(path, "r");
}

static X509 *read_cert(const char *dir, const char *name)
{
    RF_CLEANUP(rf_cleanup_bio) BIO *bio = open_file(dir, name);
    return bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

static EVP_PKEY *read_key(const char *dir, const char *name)
{
    RF_CLEANUP(rf_cleanup_bio) BIO *bio = open_file(dir, name);
    return bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
}

/* ---- certificates ---- */

static bool set_name(X509 *cert, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"reflection",
                                      -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1;
}

static bool set_serial(X509 *cert)
{
    uint8_t bytes[16];
    rf_random(bytes, sizeof(bytes));
    bytes[0] &= 0x7f;
    bytes[0] |= 0x40; /* positive, always 16 bytes */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool set_times(X509 *cert, int64_t now_s, long days)
{
    return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(now_s - SKEW_SECONDS)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(now_s + days * SECONDS_PER_DAY)) !=
               NULL;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static X509 *new_cert(const char *common_name, EVP_PKEY *key, int64_t now_s, long days)
{
    X509 *cert = X509_new();
    if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
        !set_times(cert, now_s, days) || !set_name(cert, common_name) ||
        X509_set_pubkey(cert, key) != 1) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static X509 *make_ca(EVP_PKEY *key, int64_t now_s)
{
    RF_CLEANUP(rf_cleanup_x509)
    X509 *cert = new_cert("reflection private CA", key, now_s, GATEWAY_CA_DAYS);
    if (cert == NULL || X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 ||
        !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
        X509_sign(cert, key, EVP_sha256()) == 0) {
        return NULL;
    }
    return RF_STEAL(cert);
}

static bool is_address(const char *name)
{
    uint8_t binary[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, binary) == 1 || inet_pton(AF_INET6, name, binary) == 1;
}

/* Letters, digits, dots, dashes, a leading wildcard: nothing that the extension's text would read
 * as something else. */
static bool name_valid(const char *name)
{
    size_t len = strlen(name);
    return is_address(name) ||
           (len > 0 && len <= 253 &&
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*") ==
                len);
}

static int alt_names(const rf_list *names, rf_buf *out)
{
    rf_buf_append_str(out, "DNS:localhost,IP:127.0.0.1,IP:::1");
    for (size_t i = 0; i < names->n; i++) {
        if (!name_valid(names->items[i])) {
            RF_LOG_ERROR("tls.names: not a host name or address", RF_STR("name", names->items[i]));
            return -EINVAL;
        }
        rf_buf_printf(out, ",%s:%s", is_address(names->items[i]) ? "IP" : "DNS", names->items[i]);
    }
    return rf_buf_error(out);
}

static X509 *make_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *alt, int64_t now_s)
{
    RF_CLEANUP(rf_cleanup_x509)
    X509 *cert = new_cert("localhost", key, now_s, GATEWAY_LEAF_DAYS);
    if (cert == NULL || X509_set_issuer_name(cert, X509_get_subject_name(ca)) != 1 ||
        !add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(cert, ca, NID_ext_key_usage, "serverAuth") ||
        !add_extension(cert, ca, NID_subject_key_identifier, "hash") ||
        !add_extension(cert, ca, NID_authority_key_identifier, "keyid:always") ||
        !add_extension(cert, ca, NID_subject_alt_name, alt) ||
        X509_sign(cert, ca_key, EVP_sha256()) == 0) {
        return NULL;
    }
    return RF_STEAL(cert);
}

/* ---- what is there, what is missing ---- */

static bool covers(X509 *cert, const char *name)
{
    return is_address(name) ? X509_check_ip_asc(cert, name, 0) == 1
                            : X509_check_host(cert, name, 0, 0, NULL) == 1;
}

static bool leaf_stands(X509 *cert, EVP_PKEY *key, X509 *ca, const rf_list *names, int64_t now_s)
{
    if (cert == NULL || key == NULL || X509_check_private_key(cert, key) != 1) {
        return false;
    }
    RF_CLEANUP(rf_cleanup_pkey) EVP_PKEY *ca_public = X509_get_pubkey(ca);
    time_t soon = (time_t)(now_s + GATEWAY_LEAF_RENEW_DAYS * SECONDS_PER_DAY);
    if (X509_verify(cert, ca_public) != 1 || X509_cmp_time(X509_get0_notAfter(cert), &soon) <= 0) {
        return false;
    }
    for (size_t i = 0; i < names->n; i++) {
        if (!covers(cert, names->items[i])) {
            return false;
        }
    }
    return true;
}

static int ensure_ca(const char *dir, int64_t now_s, X509 **ret_cert, EVP_PKEY **ret_key)
{
    *ret_cert = read_cert(dir, "ca.pem");
    *ret_key = read_key(dir, "ca.key");
    if (*ret_cert != NULL && *ret_key != NULL) {
        return X509_check_private_key(*ret_cert, *ret_key) == 1 ? 0 : -EBADMSG;
    }
    if (*ret_cert != NULL || *ret_key != NULL) {
        return -EBADMSG; /* half an authority: replacing it would break every client */
    }
    *ret_key = EVP_EC_gen("P-256");
    *ret_cert = *ret_key != NULL ? make_ca(*ret_key, now_s) : NULL;
    if (*ret_cert == NULL) {
        return -ENOMEM;
    }
    int err = write_key(dir, "ca.key", *ret_key);
    return err == 0 ? write_cert(dir, "ca.pem", *ret_cert) : err;
}

static int renew_leaf(const char *dir, const rf_list *names, int64_t now_s, X509 *ca,
                      EVP_PKEY *ca_key)
{
    rf_buf alt;
    rf_buf_init(&alt, NAMES_MAX_BYTES);
    int err = alt_names(names, &alt);
    RF_CLEANUP(rf_cleanup_pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
    RF_CLEANUP(rf_cleanup_x509) X509 *cert = NULL;
    if (err == 0 && key != NULL) {
        cert = make_leaf(key, ca, ca_key, rf_buf_str(&alt), now_s);
    }
    rf_buf_done(&alt);
    if (err == 0) {
        err = cert != NULL ? write_key(dir, "server.key", key) : -ENOMEM;
    }
    return err == 0 ? write_cert(dir, "server.pem", cert) : err;
}

static int ensure_locked(const char *dir, const rf_list *names, int64_t now_s)
{
    RF_CLEANUP(rf_cleanup_x509) X509 *ca = NULL;
    RF_CLEANUP(rf_cleanup_pkey) EVP_PKEY *ca_key = NULL;
    int err = ensure_ca(dir, now_s, &ca, &ca_key);
    if (err < 0) {
        return err;
    }
    RF_CLEANUP(rf_cleanup_x509) X509 *leaf = read_cert(dir, "server.pem");
    RF_CLEANUP(rf_cleanup_pkey) EVP_PKEY *key = read_key(dir, "server.key");
    ERR_clear_error(); /* of files that are not there yet */
    if (leaf_stands(leaf, key, ca, names, now_s)) {
        return 0;
    }
    err = renew_leaf(dir, names, now_s, ca, ca_key);
    return err == 0 ? 1 : err;
}

int gateway_ca_ensure(const char *dir, const rf_list *names, int64_t now_s)
{
    RF_CLEANUP(rf_cleanup_free) char *lock_path = path_in(dir, "lock");
    RF_CLEANUP(rf_cleanup_close) int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) < 0) {
        return -errno;
    }
    int err = ensure_locked(dir, names, now_s);
    if (err < 0) {
        RF_LOG_ERROR("certificates cannot be made", RF_STR("directory", dir),
                     RF_STR("error", strerror(-err)));
    }
    return err;
}
