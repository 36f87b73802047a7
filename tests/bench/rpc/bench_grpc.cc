// bench_grpc server KIND ADDRESS    KIND: sync, async (completion queues), callback
// bench_grpc client KIND ADDRESS FIGURE SECONDS: prints as bench_ours does.
#include "bench.grpc.pb.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <sys/prctl.h>
#include <csignal>
#include <sys/resource.h>
#include <thread>
#include <vector>

using grpc::ByteBuffer;
using rpc::bench::Bench;
using rpc::bench::Order;
using rpc::bench::Payload;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kInFlight = 64;

// ---- servers ----

struct SyncService final : Bench::Service {
  grpc::Status Echo(grpc::ServerContext *, const Payload *in, Payload *out) override {
    *out->mutable_body() = in->body();
    return grpc::Status::OK;
  }
  grpc::Status Download(grpc::ServerContext *, const Order *in,
                        grpc::ServerWriter<Payload> *writer) override {
    Payload p;
    p.mutable_body()->resize(in->size());
    for (uint32_t i = 0; i < in->count() && writer->Write(p); i++) {
    }
    return grpc::Status::OK;
  }
};

struct Writer final : grpc::ServerWriteReactor<Payload> {
  Payload p;
  uint32_t left;
  explicit Writer(const Order *o) : left(o->count()) {
    p.mutable_body()->resize(o->size());
    Next();
  }
  void Next() {
    if (left-- > 0) {
      StartWrite(&p);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      Next();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }
};

struct CallbackService final : Bench::CallbackService {
  grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *ctx, const Payload *in,
                                 Payload *out) override {
    *out->mutable_body() = in->body();
    auto *reactor = ctx->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerWriteReactor<Payload> *Download(grpc::CallbackServerContext *,
                                              const Order *in) override {
    return new Writer(in);
  }
};

struct Step {
  virtual ~Step() = default;
  virtual void Run(bool ok) = 0;
};

struct AsyncEcho final : Step {
  Bench::AsyncService *service;
  grpc::ServerCompletionQueue *cq;
  grpc::ServerContext ctx;
  Payload in, out;
  grpc::ServerAsyncResponseWriter<Payload> responder{&ctx};
  bool answered = false;
  AsyncEcho(Bench::AsyncService *s, grpc::ServerCompletionQueue *q) : service(s), cq(q) {
    service->RequestEcho(&ctx, &in, &responder, cq, cq, this);
  }
  void Run(bool ok) override {
    if (!ok || answered) {
      delete this;
      return;
    }
    new AsyncEcho(service, cq);
    *out.mutable_body() = in.body();
    answered = true;
    responder.Finish(out, grpc::Status::OK, this);
  }
};

struct AsyncDownload final : Step {
  Bench::AsyncService *service;
  grpc::ServerCompletionQueue *cq;
  grpc::ServerContext ctx;
  Order in;
  Payload out;
  grpc::ServerAsyncWriter<Payload> writer{&ctx};
  int state = 0;
  uint32_t left = 0;
  AsyncDownload(Bench::AsyncService *s, grpc::ServerCompletionQueue *q) : service(s), cq(q) {
    service->RequestDownload(&ctx, &in, &writer, cq, cq, this);
  }
  void Run(bool ok) override {
    if (state == 2 || (state == 0 && !ok)) {
      delete this;
      return;
    }
    if (state == 0) {
      new AsyncDownload(service, cq);
      out.mutable_body()->resize(in.size());
      left = in.count();
      state = 1;
    }
    if (ok && left-- > 0) {
      writer.Write(out, this);
    } else {
      state = 2;
      writer.Finish(grpc::Status::OK, this);
    }
  }
};

void ServeAsync(const std::string &address) {
  Bench::AsyncService service;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (unsigned i = 0; i < 2; i++) {
    queues.push_back(builder.AddCompletionQueue());
  }
  auto server = builder.BuildAndStart();
  std::vector<std::thread> threads;
  for (auto &q : queues) {
    for (int i = 0; i < 128; i++) {
      new AsyncEcho(&service, q.get());
    }
    new AsyncDownload(&service, q.get());
    threads.emplace_back([&q] {
      void *tag;
      bool ok;
      while (q->Next(&tag, &ok)) {
        static_cast<Step *>(tag)->Run(ok);
      }
    });
  }
  for (auto &t : threads) {
    t.join();
  }
}

void Serve(grpc::Service *service, const std::string &address) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(service);
  builder.BuildAndStart()->Wait();
}

// ---- clients ----

double CpuSeconds() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Pending {
  grpc::ClientContext ctx;
  Payload out;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Payload>> reader;
};

void RunQueue(Bench::Stub *stub, const Payload &in, double seconds) {
  grpc::CompletionQueue cq;
  auto start = Clock::now();
  size_t n = 0;
  auto begin = [&] {
    auto *p = new Pending;
    p->reader = stub->AsyncEcho(&p->ctx, in, &cq);
    p->reader->Finish(&p->out, &p->status, p);
  };
  int in_flight = kInFlight;
  for (int i = 0; i < kInFlight; i++) {
    begin();
  }
  void *tag;
  bool ok;
  while (in_flight > 0 && cq.Next(&tag, &ok)) {
    delete static_cast<Pending *>(tag);
    n++;
    if (Since(start) < seconds) {
      begin();
    } else {
      in_flight--;
    }
  }
  std::printf("%.1f\n", static_cast<double>(n) / Since(start));
}

struct CallbackLoad {
  Bench::Stub *stub;
  const Payload &in;
  double seconds;
  Clock::time_point start = Clock::now();
  std::atomic<size_t> n{0};
  std::atomic<int> in_flight{kInFlight};
  std::mutex mutex;
  std::condition_variable idle;
  void Begin() {
    auto *p = new Pending;
    stub->async()->Echo(&p->ctx, &in, &p->out, [this, p](grpc::Status) {
      delete p;
      n++;
      if (Since(start) < seconds) {
        Begin();
      } else if (--in_flight == 0) {
        std::lock_guard<std::mutex> lock(mutex);
        idle.notify_all();
      }
    });
  }
};

void RunCallback(Bench::Stub *stub, const Payload &in, double seconds) {
  CallbackLoad load{stub, in, seconds};
  for (int i = 0; i < kInFlight; i++) {
    load.Begin();
  }
  std::unique_lock<std::mutex> lock(load.mutex);
  load.idle.wait(lock, [&] { return load.in_flight == 0; });
  std::printf("%.1f\n", static_cast<double>(load.n) / Since(load.start));
}

void EchoOnce(Bench::Stub *stub, const Payload &in) {
  grpc::ClientContext ctx;
  Payload out;
  if (!stub->Echo(&ctx, in, &out).ok()) {
    std::exit(1);
  }
}

void RunThreads(Bench::Stub *stub, const Payload &in, double seconds) {
  auto start = Clock::now();
  double cpu = CpuSeconds();
  std::atomic<size_t> total{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kInFlight; i++) {
    threads.emplace_back([&] {
      size_t n = 0;
      while (Since(start) < seconds) {
        EchoOnce(stub, in);
        n++;
      }
      total += n;
    });
  }
  for (auto &t : threads) {
    t.join();
  }
  std::printf("%.1f %.3f %zu\n", static_cast<double>(total) / Since(start), CpuSeconds() - cpu,
              total.load());
}

void RunLatency(Bench::Stub *stub, const Payload &in, double seconds) {
  std::vector<double> us;
  auto start = Clock::now();
  while (Since(start) < seconds) {
    auto at = Clock::now();
    EchoOnce(stub, in);
    us.push_back(Since(at) * 1e6);
  }
  std::nth_element(us.begin(), us.begin() + static_cast<long>(us.size() / 2), us.end());
  std::printf("%.2f\n", us[us.size() / 2]);
}

void RunStream(Bench::Stub *stub, double seconds) {
  grpc::ClientContext ctx;
  Order o;
  o.set_count(1000000);
  o.set_size(1 << 20);
  auto reader = stub->Download(&ctx, o);
  Payload p;
  auto start = Clock::now();
  size_t n = 0;
  while (Since(start) < seconds && reader->Read(&p)) {
    n++;
  }
  std::printf("%.1f\n", static_cast<double>(n) / Since(start));
  ctx.TryCancel();
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    return 2;
  }
  std::string kind = argv[2];
  if (std::string(argv[1]) == "server") {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    SyncService sync;
    CallbackService callback;
    if (kind == "sync") {
      Serve(&sync, argv[3]);
    } else if (kind == "callback") {
      Serve(&callback, argv[3]);
    } else {
      ServeAsync(argv[3]);
    }
    return 0;
  }
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(64 << 20);
  auto channel = grpc::CreateCustomChannel(argv[3], grpc::InsecureChannelCredentials(), args);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    return 1;
  }
  auto stub = Bench::NewStub(channel);
  Payload in;
  in.mutable_body()->resize(256);
  double seconds = std::stod(argv[5]);
  std::string figure = argv[4];
  EchoOnce(stub.get(), in);
  if (figure == "async64" && kind == "callback") {
    RunCallback(stub.get(), in, seconds);
  } else if (figure == "async64") {
    RunQueue(stub.get(), in, seconds);
  } else if (figure == "threads64") {
    RunThreads(stub.get(), in, seconds);
  } else if (figure == "latency") {
    RunLatency(stub.get(), in, seconds);
  } else {
    RunStream(stub.get(), seconds);
  }
  return 0;
}
