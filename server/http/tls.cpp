// SPDX-License-Identifier: MIT
// The only file that includes <openssl/ssl.h>.
#include "server/http/tls.hpp"

#include <algorithm>
#include <climits>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "opencat/error.hpp"
#include "opencat/sockets.hpp"

namespace opencat::http {

namespace {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Ssl = std::unique_ptr<SSL, decltype(&SSL_free)>;

constexpr unsigned char http_1_1[] = "\x08http/1.1";

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* found = nullptr;
  const int outcome =
      SSL_select_next_proto(&found, chosen_size, http_1_1, sizeof http_1_1 - 1, offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Nobody sits at a terminal to give it.
int no_password(char*, int, int, void*) { return 0; }

std::string last_problem() {
  const unsigned long code = ERR_peek_last_error();
  char text[256] = "no details";
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

class TlsChannel : public Channel {
 public:
  TlsChannel(SSL_CTX* context, int descriptor) : ssl_(SSL_new(context), &SSL_free), descriptor_(descriptor) {
    sockets::set_non_blocking(descriptor);
    if (!ssl_ || SSL_set_fd(ssl_.get(), descriptor) != 1)
      throw Error(ErrorKind::failed, "the TLS library cannot make a connection");
    SSL_set_accept_state(ssl_.get());
  }

  Result read(char* target, std::size_t size) override {
    Result all{Outcome::done};
    // A record holds at most 16 KiB; what is left inside the library no readiness would tell of.
    while (all.count < size) {
      std::size_t count = 0;
      const Result one = run(SSL_read_ex(ssl_.get(), target + all.count, size - all.count, &count), count);
      may_have_more_ = one.outcome == Outcome::done;
      read_wants_writable_ = one.outcome == Outcome::again && wants_ == SSL_ERROR_WANT_WRITE;
      if (one.outcome != Outcome::done) return all.count > 0 ? all : one;
      all.count += one.count;
    }
    return all;
  }

  Result write(std::string_view bytes) override {
    std::size_t count = 0;
    const Result result = run(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count), count);
    write_wants_readable_ = result.outcome == Outcome::again && wants_ == SSL_ERROR_WANT_READ;
    return result;
  }

  bool has_buffered() const override { return may_have_more_ && SSL_has_pending(ssl_.get()) == 1; }
  bool read_wants_writable() const override { return read_wants_writable_; }
  bool write_wants_readable() const override { return write_wants_readable_; }
  bool is_established() const override { return SSL_is_init_finished(ssl_.get()) == 1; }

  void end() override {
    ERR_clear_error();
    // After a failure the library must not be asked again.
    if (!failed_ && is_established()) SSL_shutdown(ssl_.get());
    sockets::end(descriptor_);
  }

 private:
  /// What came of a call that says 1 for success. A reference, for the call itself sets the count.
  Result run(int outcome, const std::size_t& count) {
    if (outcome == 1) return {Outcome::done, count};
    wants_ = SSL_get_error(ssl_.get(), outcome);
    if (wants_ == SSL_ERROR_WANT_READ || wants_ == SSL_ERROR_WANT_WRITE) return {Outcome::again};
    failed_ = wants_ == SSL_ERROR_SSL || wants_ == SSL_ERROR_SYSCALL;
    const bool is_http = wants_ == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    // The queue is the thread's: what is left in it would be read as the next connection's.
    ERR_clear_error();
    return {is_http ? Outcome::plain_http : Outcome::closed};
  }

  Ssl ssl_;
  int descriptor_;
  int wants_ = SSL_ERROR_NONE;
  bool may_have_more_ = false;
  bool read_wants_writable_ = false;
  bool write_wants_readable_ = false;
  bool failed_ = false;
};

class TlsFactory : public ChannelFactory {
 public:
  TlsFactory(const std::filesystem::path& certificate, const std::filesystem::path& key)
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    if (!context_) throw Error(ErrorKind::failed, "the TLS library cannot be used", last_problem());
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    // Tickets keep a session with the client; a cache here would keep it twice.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
    SSL_CTX_set_default_passwd_cb(context, &no_password);
    load(certificate, key);
  }

  std::unique_ptr<Channel> channel(int descriptor) const override {
    return std::make_unique<TlsChannel>(context_.get(), descriptor);
  }

 private:
  void load(const std::filesystem::path& certificate, const std::filesystem::path& key) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context_.get(), certificate.string().c_str()) != 1) {
      throw Error(ErrorKind::usage,
                  "--tls-cert: " + certificate.string() + " cannot be read as a PEM certificate",
                  last_problem());
    }
    if (SSL_CTX_use_PrivateKey_file(context_.get(), key.string().c_str(), SSL_FILETYPE_PEM) != 1) {
      const bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
      throw Error(ErrorKind::usage,
                  "--tls-key: " + key.string() +
                      (other ? " is not the key of the certificate in " + certificate.string()
                             : " cannot be read as a PEM private key without a password"),
                  last_problem());
    }
    if (SSL_CTX_check_private_key(context_.get()) != 1) {
      throw Error(
          ErrorKind::usage,
          "--tls-key: " + key.string() + " is not the key of the certificate in " + certificate.string(),
          last_problem());
    }
  }

  SslContext context_;
};

}  // namespace

std::shared_ptr<const ChannelFactory> make_tls(const std::filesystem::path& certificate,
                                               const std::filesystem::path& key) {
  return std::make_shared<TlsFactory>(certificate, key);
}

}  // namespace opencat::http
