using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Orleans.Personalize.Gateway.Imports;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ImportsTests : IAsyncLifetime
{
    private const string Mapping = """
        {"customer":"/id","type":{"value":"identify"},"occurredAt":"/changed","traits":{"email":"/email","visits":{"from":"/visits","type":"integer"}}}
        """;

    private const string Csv = "id,email,visits,changed\nada,ada@example.org,3,2026-01-31T09:30:00Z\nbob,\"bob\n@example.org\",4,2026-01-31\nbad,x,many,\n";

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_csv_file_becomes_history_and_importing_it_twice_changes_nothing()
    {
        var first = await ReadAsync(await PostAsync(Csv));
        var second = await ReadAsync(await PostAsync(Csv));

        Assert.Equal(("done", 100, """{"rows":3,"applied":2,"late":0,"duplicates":0,"bad":1}"""), Told(first));
        Assert.Equal(("done", 100, """{"rows":3,"applied":0,"late":0,"duplicates":2,"bad":1}"""), Told(second));
        var applied = Assert.Single(server.Grains.Customer("default/ada").Applied);
        Assert.True(applied.IsHistory);
        Assert.Equal((EventType.Identify, "crm", new DateTimeOffset(2026, 1, 31, 9, 30, 0, TimeSpan.Zero)), (applied.Type, applied.Source, applied.OccurredAt));
        Assert.Equal("""{"email":"ada@example.org","visits":3}""", applied.Traits.ToString());
        Assert.Contains("bob\\n@", Assert.Single(server.Grains.Customer("default/bob").Applied).Traits.ToString(), StringComparison.Ordinal);
        var errors = await ReadAsync(await server.Admin.GetAsync($"/v1/imports/{first.Text("id")}/errors"));
        Assert.Equal(1, errors.GetProperty("bad").GetInt32());
        Assert.Equal("""{"row":4,"customer":"bad","pointer":"/visits","detail":"must be a whole number"}""", errors.GetProperty("items")[0].GetRawText());
        var list = await ReadAsync(await server.Admin.GetAsync("/v1/imports"));
        Assert.Equal([second.Text("id"), first.Text("id")], list.GetProperty("items").EnumerateArray().Select(item => item.Text("id")));
        Assert.Empty((await ReadAsync(await server.Admin.GetAsync("/v1/reconciliations"))).GetProperty("items").EnumerateArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_comes_in_pieces(bool isLengthKnown)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Random.Shared.Next();
        var random = new Random(seed);
        var text = Encoding.UTF8.GetBytes("id,email,visits,changed\n" + string.Concat(Enumerable.Range(0, 200).Select(row => $"c{row},\"c\n{row}@x.y\",{row},2026-01-01\n")));
        var id = await CreateAsync(isLengthKnown ? text.Length : null);

        for (var offset = 0; offset < text.Length;)
        {
            var end = Math.Min(text.Length, offset + random.Next(1, 1500));
            var answer = await PatchAsync(id, offset, text[offset..end], isComplete: !isLengthKnown && end == text.Length);
            Assert.True(answer.IsSuccessStatusCode, $"PERSONALIZE_TESTS_SEED={seed}: {await answer.Content.ReadAsStringAsync()}");
            offset = int.Parse(answer.Headers.GetValues("Upload-Offset").Single());
            Assert.Equal(end, offset);
        }

        var read = await ReadAsync(await server.Admin.GetAsync($"/v1/imports/{id}"));
        Assert.Equal(("done", """{"rows":200,"applied":200,"late":0,"duplicates":0,"bad":0}"""), (read.Text("state"), read.GetProperty("counts").GetRawText()));
        Assert.Equal(200, server.Grains.Customers.Count);
        Assert.All(server.Grains.Customers.Values, customer => Assert.Single(customer.Applied));
    }

    [Fact]
    public async Task A_piece_from_the_wrong_place_is_refused_with_the_right_one()
    {
        var id = await CreateAsync(null);
        Assert.Equal(200, (int)(await PatchAsync(id, 0, "id,em"u8.ToArray())).StatusCode);

        var answer = await PatchAsync(id, 3, "ail\n"u8.ToArray());

        await ProblemAsync(409, answer);
        Assert.Equal("5", answer.Headers.GetValues("Upload-Offset").Single());
        using var head = await server.Admin.SendAsync(new(HttpMethod.Head, $"/v1/imports/{id}"));
        Assert.Equal((204, "5", "?0"), ((int)head.StatusCode, head.Headers.GetValues("Upload-Offset").Single(), head.Headers.GetValues("Upload-Complete").Single()));
        await ProblemAsync(400, await server.Admin.PatchAsync($"/v1/imports/{id}", Bytes([], "text/csv")));
    }

    [Fact]
    public async Task A_cancelled_import_takes_no_more()
    {
        var id = await CreateAsync(null);
        Assert.Equal(204, (int)(await server.Admin.DeleteAsync($"/v1/imports/{id}")).StatusCode);

        await ProblemAsync(409, await PatchAsync(id, 0, "id\n"u8.ToArray()));
        Assert.Equal("cancelled", (await ReadAsync(await server.Admin.GetAsync($"/v1/imports/{id}"))).Text("state"));
        await ProblemAsync(404, await server.Admin.GetAsync($"/v1/reconciliations/{id}"));
    }

    [Fact]
    public async Task What_was_recorded_before_the_connection_broke_is_gone_on_from()
    {
        const int Rows = 100;
        var text = Encoding.UTF8.GetBytes("id,email,visits,changed\n" + string.Concat(Enumerable.Range(0, Rows).Select(row => $"c{row},{new string('x', 20_000)},{row},2026-01-01\n")));
        var id = await CreateAsync(text.Length);
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(server.Address.Host, server.Address.Port);
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"PATCH /v1/imports/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {AdminKey}\r\nUpload-Offset: 0\r\nContent-Length: {text.Length}\r\n\r\n"));
            await stream.WriteAsync(text.AsMemory(0, text.Length * 3 / 4));
            await Eventually.TrueAsync(async () => await OffsetAsync(id) > 0, () => "a block is recorded");
        }

        await Eventually.TrueAsync(
            async () =>
            {
                // Until the end of the old connection is noticed, both may go on; one of them is told that the other has.
                var offset = await OffsetAsync(id);
                return (await PatchAsync(id, offset, text[offset..])).IsSuccessStatusCode;
            },
            () => "the rest is taken");
        var read = await ReadAsync(await server.Admin.GetAsync($"/v1/imports/{id}"));
        var counts = read.GetProperty("counts");
        // What both of them applied is a duplicate to the one that was recorded.
        Assert.Equal(("done", Rows), (read.Text("state"), counts.GetProperty("applied").GetInt32() + counts.GetProperty("duplicates").GetInt32()));
        Assert.Equal(Rows, server.Grains.Customers.Count);
        Assert.All(server.Grains.Customers.Values, customer => Assert.Single(customer.Applied));
    }

    [Fact]
    public async Task Gzip_is_unpacked_and_what_is_none_is_a_problem()
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes(Csv));

        var body = Bytes(packed.ToArray(), "text/csv");
        body.Headers.ContentEncoding.Add("gzip");
        var done = await ReadAsync(await server.Admin.PostAsync(Query(), body));
        var garbage = Bytes([1, 2, 3, 4], "text/csv");
        garbage.Headers.ContentEncoding.Add("gzip");

        Assert.Equal(("done", """{"rows":3,"applied":2,"late":0,"duplicates":0,"bad":1}"""), (done.Text("state"), done.GetProperty("counts").GetRawText()));
        await ProblemAsync(400, await server.Admin.PostAsync(Query(), garbage));
    }

    [Fact]
    public async Task Ndjson_rows_are_native_events_segments_or_mapped()
    {
        const string Native = "{\"customer\":\"n\",\"name\":\"Order Completed\",\"occurredAt\":\"2020-01-01T00:00:00Z\"}\n{\"customer\":7}\nnonsense";
        const string Segment = "{\"type\":\"track\",\"userId\":\"s\",\"event\":\"Order Completed\",\"timestamp\":\"2020-01-01T00:00:00Z\"}\n";

        foreach (var (path, body) in ((string, string)[])[("/v1/imports?source=old&rows=native&history=false", Native), ("/v1/imports?rows=segment", Segment), (Query(), "{\"id\":\"m\",\"email\":\"m@x.y\"}")])
        {
            foreach (var (applied, duplicates) in ((int, int)[])[(1, 0), (0, 1)])
            {
                var done = await ReadAsync(await server.Admin.PostAsync(path, Bytes(Encoding.UTF8.GetBytes(body), "application/x-ndjson")));
                var bad = body == Native ? 2 : 0;
                Assert.Equal($$"""{"rows":{{1 + bad}},"applied":{{applied}},"late":0,"duplicates":{{duplicates}},"bad":{{bad}}}""", done.GetProperty("counts").GetRawText());
            }
        }

        Assert.False(Assert.Single(server.Grains.Customer("default/n").Applied).IsHistory);
        Assert.True(Assert.Single(server.Grains.Customer("default/s").Applied).IsHistory);
    }

    [Fact]
    public async Task The_mapping_may_be_a_sources()
    {
        await server.Admin.PutAsync("/v1/sources/crm", Json($$"""{"type":"json","priority":5,"mapping":{{Mapping}}}"""));

        Assert.Equal("done", (await ReadAsync(await server.Admin.PostAsync("/v1/imports?source=crm", Bytes(Encoding.UTF8.GetBytes(Csv), "text/csv")))).Text("state"));
        Assert.Equal(5, Assert.Single(server.Grains.Customer("default/ada").Applied).SourcePriority);
    }

    [Fact]
    public async Task Customers_without_room_are_asked_again()
    {
        var calls = 0;
        var ada = server.Grains.Customer("default/ada");
        ada.OnApply = events => ++calls switch
        {
            1 => throw new JournalBusyException(),
            2 => throw new TimeoutException(),
            _ => Task.FromResult(Array.ConvertAll(events, one => new Receipt(one.MessageId, ReceiptStatus.Accepted, 1))),
        };

        Assert.Equal("""{"rows":3,"applied":2,"late":0,"duplicates":0,"bad":1}""", (await ReadAsync(await PostAsync(Csv))).GetProperty("counts").GetRawText());
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task More_files_than_there_is_room_for_are_asked_to_come_later()
    {
        var slots = (ImportSlots)server.Services.GetService(typeof(ImportSlots))!;
        var taken = Enumerable.Range(0, 8).Select(_ => slots.Take()).ToArray();

        var refused = await PostAsync(Csv);
        await ProblemAsync(429, refused);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Empty((await ReadAsync(await server.Admin.GetAsync("/v1/imports"))).GetProperty("items").EnumerateArray());

        taken[0].Dispose();
        Assert.Equal(201, (int)(await PostAsync(Csv)).StatusCode);
        Assert.Equal(201, (int)(await PostAsync(Csv)).StatusCode);
    }

    [Theory]
    [InlineData("""{"format":"xlsx"}""", "/format")]
    [InlineData("""{"format":"csv"}""", "/mapping")]
    [InlineData("""{"format":"csv","source":"nowhere"}""", "/source")]
    [InlineData("""{"format":"csv","mapping":{"customer":"id"}}""", "/mapping/customer")]
    [InlineData("""{"format":"csv","rows":"native"}""", "/rows")]
    [InlineData("""{"format":"ndjson","delimiter":"::"}""", "/delimiter")]
    [InlineData("""{"format":"ndjson","at":"yesterday"}""", "/at")]
    [InlineData("""{"format":"ndjson","length":-1}""", "/length")]
    [InlineData("""{"format":"ndjson","history":"yes"}""", "/history")]
    [InlineData("""{"format":"ndjson","repair":true}""", "/repair")]
    [InlineData("""{"format":"ndjson","name":""}""", "/name")]
    [InlineData("""{"format":"ndjson","colour":"red"}""", "/colour")]
    public async Task A_bad_request_names_the_field(string body, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/imports", Json(body)));

        Assert.Equal(pointer, problem.GetProperty("errors")[0].Text("pointer"));
    }

    [Theory]
    [InlineData("?history=maybe", "/history")]
    [InlineData("?mapping=%5B%5D", "/mapping")]
    [InlineData("?format=csv", "/format")]
    public async Task A_bad_query_names_the_field(string query, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync($"/v1/imports{query}", Bytes([], "text/csv")));

        Assert.Equal(pointer, problem.GetProperty("errors")[0].Text("pointer"));
    }

    [Fact]
    public async Task A_header_of_no_use_is_said()
    {
        var failed = await ReadAsync(await PostAsync("id,id\n1,2\n"));

        Assert.Equal(("failed", "The header has the column 'id' more than once."), (failed.Text("state"), failed.Text("detail")));
    }

    private static string Query() => $"/v1/imports?source=crm&mapping={Uri.EscapeDataString(Mapping)}";

    private Task<HttpResponseMessage> PostAsync(string csv) => server.Admin.PostAsync(Query(), Bytes(Encoding.UTF8.GetBytes(csv), "text/csv"));

    private async Task<string> CreateAsync(long? length)
    {
        var made = await server.Admin.PostAsync(
            "/v1/imports", Json($$"""{"name":"crm","format":"csv","source":"crm","mapping":{{Mapping}}{{(length is null ? "" : $",\"length\":{length}")}}}"""));
        Assert.Equal(201, (int)made.StatusCode);
        return (await ReadAsync(made)).Text("id")!;
    }

    private Task<HttpResponseMessage> PatchAsync(string id, int offset, byte[] piece, bool isComplete = false)
    {
        var request = new HttpRequestMessage(HttpMethod.Patch, $"/v1/imports/{id}") { Content = Bytes(piece, "application/partial-upload") };
        request.Headers.Add("Upload-Offset", offset.ToString());
        if (isComplete)
            request.Headers.Add("Upload-Complete", "?1");
        return server.Admin.SendAsync(request);
    }

    private async Task<int> OffsetAsync(string id) => (await ReadAsync(await server.Admin.GetAsync($"/v1/imports/{id}"))).GetProperty("offset").GetInt32();

    private static (string?, int, string) Told(JsonElement import) =>
        (import.Text("state"), import.GetProperty("percent").GetInt32(), import.GetProperty("counts").GetRawText());
}
