// SPDX-License-Identifier: Apache-2.0
// gRPC peer in C++ (libgrpc++): server PORT | client TARGET SCENARIO [N]; see tests/tools/grpc_app.sh.
// Written against the library's 1.51 (Debian 12); the stubs that protoc would make are spelled out, without protobuf.
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/support/method_handler.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

using grpc::internal::RpcMethod;

static const char *const names[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
	"ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
	"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};

// Req and Rep of echo.proto: strings and numbers by field number
struct Msg {
	std::string str[7];
	int32_t num[7] = {};
};
struct Req : Msg {
	explicit Req(const std::string &text = "", int code = 0, int count = 0, int size = 0, int sleep_ms = 0,
		const std::string &message = "")
	{
		str[1] = text;
		num[2] = code;
		num[3] = count;
		num[4] = size;
		num[5] = sleep_ms;
		str[6] = message;
	}
	grpc::Status status() const { return grpc::Status(grpc::StatusCode(num[2]), str[6]); }
};
struct Rep : Msg {
	explicit Rep(int size = 0, int got = 0)
	{
		str[1].assign(size, 'x');
		num[2] = got;
	}
};

static void put_varint(std::string &out, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		out.push_back(char(v | 0x80));
	out.push_back(char(v));
}

static bool get_varint(const std::string &in, size_t &at, uint64_t &v)
{
	v = 0;
	for (int shift = 0; shift < 64 && at < in.size(); shift += 7) {
		uint8_t c = in[at++];
		v |= uint64_t(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

static std::string encode(const Msg &m)
{
	std::string out;
	for (int f = 1; f < 7; f++) {
		if (!m.str[f].empty()) {
			out.push_back(char(f << 3 | 2));
			put_varint(out, m.str[f].size());
			out += m.str[f];
		} else if (m.num[f]) {
			out.push_back(char(f << 3));
			put_varint(out, uint64_t(int64_t(m.num[f])));
		}
	}
	return out;
}

static bool decode(const std::string &in, Msg &m)
{
	for (size_t at = 0; at < in.size();) {
		uint64_t tag, v;
		if (!get_varint(in, at, tag) || tag >> 3 < 1 || tag >> 3 > 6 || !get_varint(in, at, v))
			return false;
		if ((tag & 7) == 0) {
			m.num[tag >> 3] = int32_t(v);
		} else {
			if ((tag & 7) != 2 || v > in.size() - at)
				return false;
			m.str[tag >> 3] = in.substr(at, v);
			at += v;
		}
	}
	return true;
}

namespace grpc {
template <class T> class SerializationTraits<T, typename std::enable_if<std::is_base_of<Msg, T>::value>::type> {
public:
	static Status Serialize(const T &m, ByteBuffer *out, bool *own)
	{
		Slice slice(encode(m));
		*out = ByteBuffer(&slice, 1);
		*own = true;
		return Status::OK;
	}
	static Status Deserialize(ByteBuffer *in, T *m)
	{
		std::vector<Slice> slices;
		std::string all;
		if (!in->Dump(&slices).ok())
			return Status(StatusCode::INTERNAL, "no message");
		for (const Slice &s : slices)
			all.append(reinterpret_cast<const char *>(s.begin()), s.size());
		in->Clear();
		*m = T();
		return decode(all, *m) ? Status::OK : Status(StatusCode::INTERNAL, "not a message of echo.proto");
	}
};
} // namespace grpc

// sleeps as asked, but no longer than the call lives
static void nap(grpc::ServerContext *ctx, const Req &req)
{
	for (int left = req.num[5]; left > 0 && !ctx->IsCancelled(); left -= 20)
		std::this_thread::sleep_for(std::chrono::milliseconds(left < 20 ? left : 20));
}

class Echo : public grpc::Service {
	grpc::Status unary(grpc::ServerContext *ctx, const Req *req, Rep *rep)
	{
		nap(ctx, *req);
		*rep = Rep(req->num[4], 1);
		return req->status();
	}
	grpc::Status client_stream(grpc::ServerContext *ctx, grpc::ServerReader<Req> *in, Rep *rep)
	{
		Req req;
		int got = 0;
		while (in->Read(&req))
			got++;
		nap(ctx, req);
		*rep = Rep(req.num[4], got);
		return req.status();
	}
	grpc::Status server_stream(grpc::ServerContext *ctx, const Req *req, grpc::ServerWriter<Rep> *out)
	{
		for (int i = 0; i < req->num[3]; i++) {
			nap(ctx, *req);
			if (!out->Write(Rep(req->num[4], 1)))
				return grpc::Status::CANCELLED;
		}
		return req->status();
	}
	grpc::Status bidi(grpc::ServerContext *ctx, grpc::ServerReaderWriter<Rep, Req> *io)
	{
		Req req;
		for (int got = 1; io->Read(&req); got++) {
			nap(ctx, req);
			if (req.num[2])
				return req.status();
			if (!io->Write(Rep(req.num[4], got)))
				return grpc::Status::CANCELLED;
		}
		return grpc::Status::OK;
	}
	void add(const char *name, RpcMethod::RpcType type, grpc::internal::MethodHandler *handler)
	{
		AddMethod(new grpc::internal::RpcServiceMethod(name, type, handler));
	}

public:
	Echo()
	{
		using namespace grpc::internal;
		add("/oe.test.Echo/Unary", RpcMethod::NORMAL_RPC, new RpcMethodHandler<Echo, Req, Rep>(
			[](Echo *e, grpc::ServerContext *c, const Req *req, Rep *rep) { return e->unary(c, req, rep); }, this));
		add("/oe.test.Echo/ClientStream", RpcMethod::CLIENT_STREAMING, new ClientStreamingHandler<Echo, Req, Rep>(
			[](Echo *e, grpc::ServerContext *c, grpc::ServerReader<Req> *in, Rep *rep) { return e->client_stream(c, in, rep); },
			this));
		add("/oe.test.Echo/ServerStream", RpcMethod::SERVER_STREAMING, new ServerStreamingHandler<Echo, Req, Rep>(
			[](Echo *e, grpc::ServerContext *c, const Req *req, grpc::ServerWriter<Rep> *out) {
				return e->server_stream(c, req, out);
			}, this));
		add("/oe.test.Echo/Bidi", RpcMethod::BIDI_STREAMING, new BidiStreamingHandler<Echo, Req, Rep>(
			[](Echo *e, grpc::ServerContext *c, grpc::ServerReaderWriter<Rep, Req> *io) { return e->bidi(c, io); }, this));
	}
};

// a file of the directory GRPC_TLS
static std::string pem(const char *name)
{
	std::ifstream f(std::string(getenv("GRPC_TLS")) + "/" + name);
	return std::string(std::istreambuf_iterator<char>(f), {});
}

static std::shared_ptr<grpc::ServerCredentials> server_credentials()
{
	if (!getenv("GRPC_TLS"))
		return grpc::InsecureServerCredentials();
	grpc::SslServerCredentialsOptions options;
	options.pem_key_cert_pairs.push_back({pem("server.key"), pem("server.pem")});
	return grpc::SslServerCredentials(options);
}

static std::shared_ptr<grpc::ChannelCredentials> channel_credentials()
{
	if (!getenv("GRPC_TLS"))
		return grpc::InsecureChannelCredentials();
	return grpc::SslCredentials({pem("ca.pem"), "", ""});
}

static int serve(const std::string &where)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, nullptr);
	grpc::EnableDefaultHealthCheckService(true);
	grpc::reflection::InitProtoReflectionServerBuilderPlugin();
	Echo echo;
	grpc::ServerBuilder b;
	b.AddChannelArgument("grpc.max_metadata_size", 1 << 16);
	b.AddChannelArgument("grpc.so_reuseport", 0);
	b.AddListeningPort(where.compare(0, 5, "unix:") == 0 ? where : "127.0.0.1:" + where, server_credentials());
	b.RegisterService(&echo);
	std::unique_ptr<grpc::Server> server = b.BuildAndStart();
	if (!server) {
		fprintf(stderr, "cannot listen on %s\n", where.c_str());
		return 1;
	}
	puts("ready");
	fflush(stdout);
	int sig;
	sigwait(&set, &sig);
	_exit(0);
}

using Chan = std::shared_ptr<grpc::ChannelInterface>;

static void say(const char *method, const grpc::Status &status, int sent, int received)
{
	printf("oe.test.Echo/%s %s %d %d\n", method, names[status.error_code() % 17], sent, received);
	fflush(stdout);
}

static grpc::Status unary(const Chan &chan, grpc::ClientContext &ctx, const Req &req, const char *path = "/oe.test.Echo/Unary")
{
	Rep rep;
	return grpc::internal::BlockingUnaryCall(chan.get(), RpcMethod(path, RpcMethod::NORMAL_RPC), &ctx, req, &rep);
}

static void say_unary(const Chan &chan, grpc::ClientContext &ctx, const Req &req)
{
	grpc::Status status = unary(chan, ctx, req);
	say("Unary", status, 1, status.ok());
}

static void server_stream(const Chan &chan, const Req &req, bool cancel)
{
	grpc::ClientContext ctx;
	RpcMethod method("/oe.test.Echo/ServerStream", RpcMethod::SERVER_STREAMING);
	std::unique_ptr<grpc::ClientReader<Rep>> in(
		grpc::internal::ClientReaderFactory<Rep>::Create(chan.get(), method, &ctx, req));
	Rep rep;
	int received = 0;
	while (in->Read(&rep)) {
		// what had come before the cancelling is thrown away
		if (!cancel || !received)
			received++;
		if (cancel)
			ctx.TryCancel();
	}
	say("ServerStream", in->Finish(), 1, received);
}

static void streams(const Chan &chan)
{
	int sent = 0, received = 0;
	Rep rep;
	{
		grpc::ClientContext ctx;
		RpcMethod method("/oe.test.Echo/ClientStream", RpcMethod::CLIENT_STREAMING);
		std::unique_ptr<grpc::ClientWriter<Req>> out(
			grpc::internal::ClientWriterFactory<Req>::Create(chan.get(), method, &ctx, &rep));
		while (sent < 5 && out->Write(Req("part " + std::to_string(sent), 0, 0, 10)))
			sent++;
		out->WritesDone();
		grpc::Status status = out->Finish();
		say("ClientStream", status, sent, status.ok());
	}
	server_stream(chan, Req("more", 0, 7, 100), false);
	grpc::ClientContext ctx;
	RpcMethod method("/oe.test.Echo/Bidi", RpcMethod::BIDI_STREAMING);
	std::unique_ptr<grpc::ClientReaderWriter<Req, Rep>> io(
		grpc::internal::ClientReaderWriterFactory<Req, Rep>::Create(chan.get(), method, &ctx));
	for (sent = 0; sent < 3 && io->Write(Req("ping " + std::to_string(sent), 0, 0, 10)); received++) {
		sent++;
		if (!io->Read(&rep))
			break;
	}
	io->WritesDone();
	while (io->Read(&rep))
		received++;
	say("Bidi", io->Finish(), sent, received);
}

static void load(const Chan &chan, int n)
{
	static const int codes[] = {0, 3, 5, 13};
	std::atomic<int> next{0}, tally[17] = {};
	std::vector<std::thread> workers;
	for (int w = 0; w < 8; w++)
		workers.emplace_back([&] {
			for (int i = next++; i < n; i = next++) {
				grpc::ClientContext ctx;
				tally[unary(chan, ctx, Req("load", codes[i % 4], 0, 10, 0, "as asked")).error_code() % 17]++;
			}
		});
	for (std::thread &t : workers)
		t.join();
	for (int code = 0; code < 17; code++)
		if (tally[code])
			printf("oe.test.Echo/Unary %s %d\n", names[code], tally[code].load());
}

static int run(const Chan &chan, const std::string &scenario, int n)
{
	std::mt19937 random(getpid());
	if (scenario == "load") {
		load(chan, n);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		grpc::ClientContext ctx;
		if (scenario == "unary") {
			say_unary(chan, ctx, Req("hello " + std::to_string(i), 0, 0, 10));
		} else if (scenario == "codes") {
			say_unary(chan, ctx, Req("code", i % 17, 0, 10, 0, "h\u00e9llo w\u00f6rld %"));
		} else if (scenario == "streams") {
			streams(chan);
		} else if (scenario == "deadline") {
			ctx.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
			say_unary(chan, ctx, Req("slow", 0, 0, 0, 2000));
		} else if (scenario == "cancel") {
			server_stream(chan, Req("stop me", 0, 1000, 10, 5), true);
		} else if (scenario == "large") {
			say_unary(chan, ctx, Req(std::string(300000, 'a'), 0, 0, 1000000));
		} else if (scenario == "metadata") {
			for (int k = 0; k < 40; k++) {
				std::string text(300, 'a');
				for (char &c : text)
					c = char('a' + random() % 26);
				ctx.AddMetadata(std::string("x-meta-") + char('0' + k / 10) + char('0' + k % 10), text);
			}
			ctx.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
			say_unary(chan, ctx, Req("metadata", 0, 0, 10));
		} else if (scenario == "unimplemented") {
			grpc::Status status = unary(chan, ctx, Req("nope"), "/oe.test.Echo/Nope");
			say("Nope", status, 1, status.ok());
		} else {
			fprintf(stderr, "no scenario %s\n", scenario.c_str());
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	std::string what = argc > 1 ? argv[1] : "";
	if (what == "server" && argc == 3)
		return serve(argv[2]);
	if (what == "client" && (argc == 4 || argc == 5)) {
		grpc::ChannelArguments args;
		args.SetInt("grpc.enable_http_proxy", 0);
		return run(grpc::CreateCustomChannel(argv[2], channel_credentials(), args), argv[3], argc == 5 ? atoi(argv[4]) : 1);
	}
	fprintf(stderr, "usage: server PORT | client TARGET SCENARIO [N]\n");
	return 1;
}
