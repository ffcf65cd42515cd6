/* SPDX-License-Identifier: BSD-3-Clause */
/* libsmm-client from C++11: a test of its own, over the smmd that is running. */
#include <smm-client.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

struct closer {
	void operator()(smm_client *client) const
	{
		smm_client_close(client);
	}
	void operator()(smm_call *call) const
	{
		smm_call_unref(call);
	}
	void operator()(smm_var *var) const
	{
		smm_var_close(var);
	}
};

static std::unique_ptr<smm_client, closer> open_client()
{
	smm_client *client = nullptr;

	if (smm_client_open(&client, nullptr, nullptr) < 0)
		std::fprintf(stderr, "%s\n", smm_client_error_message(client));
	return std::unique_ptr<smm_client, closer>(client);
}

int main()
{
	const auto client = open_client();
	struct smm_client_allocate_options options = {};
	std::vector<char> text(5);
	uint32_t id = 0;
	int starts = 0;
	smm_var *var = nullptr;
	smm_call *call = nullptr;
	int64_t value = 0;

	options.flags = SMM_CLIENT_MODE;
	options.mode = 0644;
	if (smm_client_allocate(client.get(), "text", 5, &options, &id) < 0 ||
	    smm_client_write(client.get(), id, 0, "hello", 5) < 0 ||
	    smm_client_read(client.get(), id, 0, text.data(), 5) < 0 ||
	    std::string(text.begin(), text.end()) != "hello")
		return 1;
	const auto done = [](smm_call *, void *userdata) { ++*static_cast<int *>(userdata); };
	if (smm_client_add_async(client.get(), "n", 1, done, &starts, &call) < 0)
		return 2;
	const std::unique_ptr<smm_call, closer> holder(call);
	while (!starts && smm_client_wait(client.get(), UINT64_MAX) >= 0)
		smm_client_process(client.get());
	if (smm_call_get_value(call, &value) < 0 || value != 1)
		return 3;
	if (smm_var_open(&var, client.get(), "starts", &starts, sizeof(starts)) != 0)
		return 4;
	const std::unique_ptr<smm_var, closer> keeper(var);
	return smm_var_store(var) == 1 && smm_var_store(var) == 0 ? 0 : 5;
}
