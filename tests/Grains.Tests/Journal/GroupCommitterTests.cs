using System.ComponentModel.DataAnnotations;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

public sealed class GroupCommitterTests
{
    private readonly GatedJournal journal = new();

    private GroupCommitter Committer(GroupCommitterOptions? options = null) => new(journal, TimeProvider.System, scheduler: null, options);

    [Fact]
    public async Task What_queues_during_a_commit_goes_out_as_one_batch()
    {
        await using var committer = Committer();
        var first = committer.AppendAsync(Append("shop/first"));
        await journal.StartedAsync(1);
        var rest = Enumerable.Range(0, 50).Select(i => committer.AppendAsync(Append($"shop/{i}"))).ToArray();
        Assert.Equal(50, committer.QueueLength);
        Assert.False(first.IsCompleted);

        journal.Open();
        Assert.All(await Task.WhenAll(rest), status => Assert.Equal(WriteStatus.Committed, status));
        Assert.Equal(WriteStatus.Committed, await first);
        Assert.Equal([1, 50], journal.Batches.Select(batch => batch.Length));
        Assert.Equal(0, committer.QueueLength);
    }

    [Fact]
    public async Task Batches_are_capped_in_writes_and_in_bytes_and_keep_the_order()
    {
        await using var committer = Committer(new() { BatchWritesMax = 4, BatchBytesMax = 100 });
        var writes = new List<Task<WriteStatus>> { committer.AppendAsync(Append("shop/0")) };
        await journal.StartedAsync(1);
        int[] sizes = [1, 1, 1, 1, 1, 60, 40, 1, 500, 1, 99, 2];
        writes.AddRange(sizes.Select((size, i) => committer.AppendAsync(Append($"shop/{i + 1}", size: size))));
        journal.Open();
        await Task.WhenAll(writes);
        Assert.Equal(["0", "1 2 3 4", "5 6", "7 8", "9", "10 11", "12"], journal.Batches.Select(Names));
    }

    [Fact]
    public async Task Pipelined_appends_of_one_customer_land_in_order_in_one_commit()
    {
        await using var committer = Committer();
        var blocker = committer.AppendAsync(Append("shop/blocker"));
        await journal.StartedAsync(1);
        var chain = Enumerable.Range(0, 20).Select(i => committer.AppendAsync(Append("shop/hot", expected: i))).ToArray();
        journal.Open();
        Assert.All(await Task.WhenAll([blocker, .. chain]), status => Assert.Equal(WriteStatus.Committed, status));
        Assert.Equal(20, (await journal.Inner.ReadAsync("shop/hot", CancellationToken.None)).Version);
        Assert.Equal(2, journal.Batches.Count);
    }

    [Fact]
    public async Task Each_caller_hears_its_own_status()
    {
        await using var committer = Committer();
        journal.Open();
        await committer.AppendAsync(Append("shop/ada"));
        var stale = committer.AppendAsync(Append("shop/ada"));
        var neighbour = committer.AppendAsync(Append("shop/bob"));
        Assert.Equal((WriteStatus.Stale, WriteStatus.Committed), (await stale, await neighbour));
    }

    [Fact]
    public async Task A_failed_commit_is_unknown_to_all_of_its_callers_and_the_next_goes_on()
    {
        await using var committer = Committer();
        var first = committer.AppendAsync(Append("shop/first"));
        await journal.StartedAsync(1);
        var failing = new[] { committer.AppendAsync(Append("shop/ada")), committer.AppendAsync(Append("shop/bob")) };
        journal.FailBatch = 2;
        journal.Open();
        await first;
        foreach (var write in failing)
        {
            var failure = await Assert.ThrowsAsync<JournalException>(() => write);
            Assert.Equal("disk on fire", failure.InnerException?.Message);
        }
        Assert.Equal(WriteStatus.Committed, await committer.AppendAsync(Append("shop/eve")));
    }

    [Fact]
    public async Task An_answer_of_the_wrong_length_is_a_failed_commit()
    {
        await using var committer = Committer();
        journal.Open();
        journal.ForgetStatuses = true;
        await Assert.ThrowsAsync<JournalException>(() => committer.AppendAsync(Append("shop/ada")));
    }

    [Fact]
    public async Task A_full_queue_rejects_and_writes_nothing()
    {
        await using var committer = Committer(new() { QueueWritesMax = 2 });
        var accepted = new List<Task> { committer.AppendAsync(Append("shop/0")) };
        await journal.StartedAsync(1);
        accepted.AddRange([committer.AppendAsync(Append("shop/1")), committer.AppendAsync(Append("shop/2"))]);
        await Assert.ThrowsAsync<JournalBusyException>(() => committer.AppendAsync(Append("shop/3")));
        journal.Open();
        await Task.WhenAll(accepted);
        Assert.Equal(0, (await journal.Inner.ReadAsync("shop/3", CancellationToken.None)).Version);
        Assert.Equal(WriteStatus.Committed, await committer.AppendAsync(Append("shop/3")));
    }

    [Fact]
    public async Task A_queue_full_of_bytes_rejects_but_an_empty_one_takes_any_write()
    {
        await using var committer = Committer(new() { QueueBytesMax = 100 });
        var accepted = new List<Task> { committer.AppendAsync(Append("shop/0", size: 1_000)) };
        await journal.StartedAsync(1);
        accepted.Add(committer.AppendAsync(Append("shop/1", size: 60)));
        await Assert.ThrowsAsync<JournalBusyException>(() => committer.AppendAsync(Append("shop/2", size: 41)));
        accepted.Add(committer.AppendAsync(Append("shop/3", size: 40)));
        await Assert.ThrowsAsync<JournalBusyException>(() => committer.AppendAsync(Append("shop/4", size: 1)));
        journal.Open();
        await Task.WhenAll(accepted);
    }

    [Fact]
    public async Task Disposing_commits_what_was_accepted_and_accepts_no_more()
    {
        var committer = Committer();
        var writes = Enumerable.Range(0, 10).Select(i => committer.AppendAsync(Append($"shop/{i}"))).ToArray();
        await journal.StartedAsync(1);
        var disposing = committer.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<JournalBusyException>(() => committer.AppendAsync(Append("shop/late")));
        Assert.False(disposing.IsCompleted);
        journal.Open();
        await disposing;
        Assert.All(writes, write => Assert.True(write.IsCompletedSuccessfully));
        await committer.DisposeAsync();
    }

    [Fact]
    public async Task A_malformed_write_is_refused_at_once()
    {
        await using var committer = Committer();
        await Assert.ThrowsAsync<ArgumentException>(() => committer.AppendAsync(Append("no workspace")));
        Assert.Equal(0, committer.QueueLength);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ValidationException>(() => Committer(new() { QueueWritesMax = 0 }));
        Assert.Throws<ValidationException>(() => Committer(new() { BatchBytesMax = -1 }));
    }

    [Fact]
    public void On_a_single_threaded_scheduler_every_run_is_the_same()
    {
        var runs = Enumerable.Range(0, 3).Select(_ => Simulate(seed: 42)).ToArray();
        Assert.Equal(runs[0], runs[1]);
        Assert.Equal(runs[0], runs[2]);
        Assert.Contains("unknown", runs[0], StringComparison.Ordinal);
        Assert.Contains("Committed", runs[0], StringComparison.Ordinal);
        Assert.NotEqual(runs[0], Simulate(seed: 43));
    }

    private static string Simulate(int seed)
    {
        var log = new List<string>();
        var scheduler = new StepScheduler();
        var faulty = new FaultyJournal(new InMemoryJournal(), seed, TimeProvider.System)
        {
            Faults = new Faults { BeforeCommit = 0.2, AfterCommit = 0.2 },
        };
        var committer = new GroupCommitter(faulty, TimeProvider.System, scheduler);
        var random = new Random(seed);
        var calls = new List<Task>();
        for (var i = 0; i < 100; i++)
        {
            var customer = $"shop/{random.Next(5)}";
            calls.Add(scheduler.Post(() => CallAsync(customer)));
            for (var steps = random.Next(4); steps > 0; steps--)
                scheduler.Step();
        }
        while (scheduler.Step())
        {
        }
        Assert.All(calls, call => Assert.True(call.IsCompletedSuccessfully));
        return string.Join('\n', log);

        async Task CallAsync(string customer)
        {
            var version = (await faulty.ReadAsync(customer, CancellationToken.None)).Version;
            try
            {
                log.Add($"{customer} {version} {await committer.AppendAsync(Append(customer, version))}");
            }
            catch (JournalException)
            {
                log.Add($"{customer} {version} unknown");
            }
        }
    }

    private static JournalWrite.Append Append(string customer, long expected = 0, int size = 10) =>
        new(customer, expected, expected + 1, DateTimeOffset.UnixEpoch, new byte[size]);

    private static string Names(JournalWrite[] batch) => string.Join(' ', batch.Select(write => write.Customer["shop/".Length..]));

    /// <summary>Runs one task at a time, when told to, on the calling thread.</summary>
    private sealed class StepScheduler : TaskScheduler
    {
        private readonly Queue<Task> tasks = new();

        public Task Post(Func<Task> action) =>
            Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.None, this).Unwrap();

        public bool Step()
        {
            if (!tasks.TryDequeue(out var task))
                return false;
            // An await prefers the synchronization context to the scheduler, and xunit has one, with threads of its own.
            var context = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(null);
            Assert.True(TryExecuteTask(task));
            SynchronizationContext.SetSynchronizationContext(context);
            return true;
        }

        protected override void QueueTask(Task task) => tasks.Enqueue(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => tasks;
    }

    /// <summary>Holds every commit until it is opened, and remembers the batches.</summary>
    private sealed class GatedJournal : IJournal
    {
        private readonly TaskCompletionSource open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SemaphoreSlim started = new(0);

        public InMemoryJournal Inner { get; } = new();
        public List<JournalWrite[]> Batches { get; } = [];
        public int FailBatch { get; set; }
        public bool ForgetStatuses { get; set; }

        public void Open() => open.SetResult();

        public async Task StartedAsync(int commits)
        {
            for (var i = 0; i < commits; i++)
                Assert.True(await started.WaitAsync(TimeSpan.FromSeconds(30)), "No commit began.");
        }

        public async Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
        {
            Batches.Add([.. batch]);
            var number = Batches.Count;
            started.Release();
            await open.Task;
            if (number == FailBatch)
                throw new IOException("disk on fire");
            return ForgetStatuses ? [] : await Inner.CommitAsync(batch, cancellation);
        }

        public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
            int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation) => throw new NotSupportedException();

        public IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation) =>
            throw new NotSupportedException();
    }
}
