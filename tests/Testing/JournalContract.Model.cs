using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

public abstract partial class JournalContract
{
    /// <summary>How many batches a seed of the random test runs.</summary>
    protected virtual int ModelBatches => 150;

    [ContractTheory]
    [InlineData(null)]
    [InlineData(1)]
    [InlineData(20_261_120)]
    public async Task Random_writes_leave_what_a_plain_dictionary_would_hold(int? fixedSeed)
    {
        var seed = fixedSeed ?? (int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Random.Shared.Next());
        var random = new Random(seed);
        var model = new JournalModel();
        try
        {
            for (var round = 0; round < ModelBatches; round++)
            {
                var batch = Enumerable.Range(0, random.Next(1, 12)).Select(_ => model.Draw(random)).ToArray();
                Assert.Equal(model.Write(batch), await CommitAsync(batch));
                await AssertLikeAsync(model, JournalModel.Customers[random.Next(JournalModel.Customers.Length)], random);
                if (round % 25 == 0)
                    await AssertLikeAsync(model);
            }
            await AssertLikeAsync(model);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"Failed with seed {seed}: {failure.Message}", failure);
        }
    }

    [ContractFact]
    public async Task Readers_see_whole_batches_while_writes_go_on()
    {
        const int batches = 60;
        var done = 0;
        var writing = Task.Run(async () =>
        {
            try
            {
                for (var i = 0; i < batches; i++)
                    await CommitAsync(Append(Ada, 2 * i, "x"), Append(Bob, i, "y"), Append(Ada, (2 * i) + 1, "z"));
            }
            finally
            {
                Volatile.Write(ref done, 1);
            }
        });
        var reading = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var last = 0L;
            while (Volatile.Read(ref done) == 0)
            {
                var history = await ReadAsync(Ada);
                Assert.True(history.Version >= last && history.Version % 2 == 0, $"{history.Version} after {last}");
                Assert.Equal(history.Version, history.Records.Count);
                last = history.Version;
                await SearchAsync("a");
                await DueAsync(0, Noon, null, 5);
            }
        }));
        await Task.WhenAll([writing, .. reading]);
        Assert.Equal(batches * 3, (await ReadAllAsync()).Count);
    }

    private async Task AssertLikeAsync(JournalModel model)
    {
        var random = new Random(0);
        foreach (var customer in JournalModel.Customers)
            await AssertLikeAsync(model, customer, random);
        Assert.Equal(
            model.Log.Select(entry => (entry.Customer, entry.Version, entry.Payload)),
            (await ReadAllAsync()).Select(entry => (entry.Customer, entry.Record.Version, Text(entry.Record.Payload))));
        for (var shard = 0; shard < CustomerKey.Shards; shard++)
        {
            var due = await DueAsync(shard, Noon.AddMinutes(30), null, 1_000);
            Assert.Equal(model.Due(shard, Noon.AddMinutes(30)), due.Select(next => next.Customer));
        }
        Assert.Equal(string.Join(' ', model.Search("c")), await SearchAsync("C", limit: 100));
        Assert.Equal(string.Join(' ', model.Search("mail3")), await SearchAsync("MAIL3", limit: 100));
        foreach (var term in (string[])["term:", "term:1", "term:19"])
            Assert.Equal(string.Join(' ', model.Find(term)), await SearchAsync(term, limit: 100));
    }

    private async Task AssertLikeAsync(JournalModel model, string customer, Random random)
    {
        var expected = model.Head(customer);
        var history = await ReadAsync(customer);
        Assert.Equal(
            (expected.Version, expected.Snapshot, expected.SnapshotVersion), (history.Version, Text(history.Snapshot), history.SnapshotVersion));
        Assert.Equal(
            expected.Records.Where(record => record.Version > expected.SnapshotVersion),
            history.Records.Select(record => (record.Version, Text(record.Payload))));
        if (expected.Deadline is { } deadline)
            AssertSame(deadline, history.Deadline);
        else
            Assert.Null(history.Deadline);

        var before = random.NextInt64(0, expected.Version + 3);
        var newestFirst = Enumerable.Range(0, expected.Records.Count).Reverse()
            .Where(i => (i == 0 ? 0 : expected.Records[i - 1].Version) < before - 1).Select(i => expected.Records[i].Payload);
        Assert.Equal(string.Join(' ', newestFirst.Take(5)), await ReadBackAsync(customer, before, 5));
    }
}

/// <summary>The journal as plain collections, written apart from any implementation.</summary>
internal sealed class JournalModel
{
    private static readonly DateTimeOffset Start = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private readonly Dictionary<string, ModelHead> heads = [];
    private int drawn;

    public static string[] Customers { get; } = [.. Enumerable.Range(0, 40).Select(i => $"shop/c{i}")];

    public List<(string Customer, long Version, string Payload)> Log { get; } = [];

    public ModelHead Head(string customer) => heads.GetValueOrDefault(customer) ?? new ModelHead();

    /// <summary>A random write; mostly one that fits the head as it is now, though another in the same batch may come first.</summary>
    public JournalWrite Draw(Random random)
    {
        var customer = Customers[(int)(Customers.Length * Math.Pow(random.NextDouble(), 2))];
        var version = Math.Max(0, Head(customer).Version + (random.Next(10) == 0 ? random.Next(-2, 3) : 0));
        var deadline = random.Next(4) == 0 ? new DeadlineWrite(random.Next(3) == 0 ? null : Start.AddMinutes(random.Next(60))) : null;
        var email = random.Next(6) == 0 ? (random.Next(3) == 0 ? "" : $"Mail{random.Next(20)}@example.com") : null;
        string[]? terms = random.Next(6) == 0 ? [.. Enumerable.Range(0, random.Next(4)).Select(_ => $"Term:{random.Next(20)}")] : null;
        return random.Next(20) switch
        {
            0 when random.Next(4) == 0 => new JournalWrite.Erase(customer),
            1 or 2 => new JournalWrite.Snapshot(customer, Math.Max(1, version - random.Next(3)), "snap"u8.ToArray()),
            3 or 4 => new JournalWrite.Append(customer, version, version, Start, default, deadline, email, terms),
            _ => new JournalWrite.Append(
                customer, version, version + random.Next(1, 4), Start, System.Text.Encoding.UTF8.GetBytes($"p{drawn++}"), deadline, email, terms),
        };
    }

    /// <summary>c for committed, s for stale.</summary>
    public string Write(JournalWrite[] batch) => string.Concat(batch.Select(Write));

    private char Write(JournalWrite write)
    {
        var head = Head(write.Customer);
        switch (write)
        {
            case JournalWrite.Erase:
                heads.Remove(write.Customer);
                Log.RemoveAll(entry => entry.Customer == write.Customer);
                return 'c';
            case JournalWrite.Snapshot snapshot when snapshot.Version <= head.Version && snapshot.Version >= head.SnapshotVersion:
                (head.Snapshot, head.SnapshotVersion) = ("snap", snapshot.Version);
                return 'c';
            case JournalWrite.Append append when append.ExpectedVersion == head.Version && (head.Version > 0 || append.Version > 0):
                var payload = System.Text.Encoding.UTF8.GetString(append.Payload.Span);
                if (payload.Length > 0)
                {
                    head.Records.Add((append.Version, payload));
                    Log.Add((append.Customer, append.Version, payload));
                }
                head.Version = append.Version;
                head.Deadline = append.Deadline is { } deadline ? deadline.At : head.Deadline;
                head.Email = append.Email ?? head.Email;
                head.Terms = append.Terms ?? head.Terms;
                heads[append.Customer] = head;
                return 'c';
            default:
                return 's';
        }
    }

    public IEnumerable<string> Due(int shard, DateTimeOffset until) => heads
        .Where(head => CustomerKey.ShardOf(head.Key) == shard && head.Value.Deadline <= until)
        .OrderBy(head => head.Value.Deadline).ThenBy(head => head.Key, StringComparer.Ordinal).Select(head => head.Key);

    public IEnumerable<string> Search(string text) => heads
        .Where(head => head.Key.StartsWith($"shop/{text}", StringComparison.Ordinal)).OrderBy(head => head.Key, StringComparer.Ordinal)
        .Concat(heads
            .Where(head => head.Value.Email.StartsWith(text, StringComparison.OrdinalIgnoreCase))
            .OrderBy(head => head.Value.Email, StringComparer.Ordinal).ThenBy(head => head.Key, StringComparer.Ordinal))
        .Select(head => head.Key).Distinct();

    public IEnumerable<string> Find(string term) => heads
        .SelectMany(static head => head.Value.Terms, static (head, known) => (Known: known, head.Key))
        .Where(found => found.Known.StartsWith(term, StringComparison.OrdinalIgnoreCase))
        .OrderBy(static found => found.Known, StringComparer.Ordinal).ThenBy(static found => found.Key, StringComparer.Ordinal)
        .Select(static found => found.Key).Distinct();
}

internal sealed class ModelHead
{
    public long Version { get; set; }
    public string Snapshot { get; set; } = "";
    public long SnapshotVersion { get; set; }
    public DateTimeOffset? Deadline { get; set; }
    public string Email { get; set; } = "";

    public IReadOnlyList<string> Terms { get; set; } = [];
    public List<(long Version, string Payload)> Records { get; } = [];
}
