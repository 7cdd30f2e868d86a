using System.Runtime.CompilerServices;

namespace Orleans.Personalize.Journal;

/// <summary>A journal that lives as long as its process: for tests, simulations and backtests. Safe to call from any thread.</summary>
public sealed class InMemoryJournal : IJournal
{
    private static readonly Comparer<DueCustomer> DueOrder = Comparer<DueCustomer>.Create((left, right) =>
        left.Deadline.CompareTo(right.Deadline) is not 0 and var byDeadline ? byDeadline : SearchText.Order.Compare(left.Customer, right.Customer));

    private readonly Lock gate = new();
    private readonly Dictionary<string, Head> heads = [];
    private readonly List<JournalEntry> log = [];
    private readonly SortedSet<DueCustomer>[] due =
        [.. Enumerable.Range(0, CustomerKey.Shards).Select(_ => new SortedSet<DueCustomer>(DueOrder))];
    private long lastPosition;

    public Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        foreach (var write in batch)
            JournalRules.ThrowIfMalformed(write);
        var statuses = new WriteStatus[batch.Count];
        lock (gate)
        {
            for (var i = 0; i < statuses.Length; i++)
                statuses[i] = Write(batch[i]) ? WriteStatus.Committed : WriteStatus.Stale;
        }
        return Task.FromResult(statuses);
    }

    public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation)
    {
        lock (gate)
        {
            return Task.FromResult(heads.TryGetValue(customer, out var head)
                ? new CustomerHistory(
                    head.Version, head.Snapshot, head.SnapshotVersion, [.. head.Records.Where(record => record.Version > head.SnapshotVersion)], head.Deadline)
                : new CustomerHistory(0, default, 0, [], null));
        }
    }

    public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, JournalLimits.ReadBackMax);
        lock (gate)
        {
            if (!heads.TryGetValue(customer, out var head) || before <= 1)
                return Task.FromResult<IReadOnlyList<JournalRecord>>([]);
            var start = head.Records.Count - 1;
            // The one that holds version before − 1 is the oldest that reaches it.
            while (start > 0 && head.Records[start - 1].Version >= before - 1)
                start--;
            return Task.FromResult<IReadOnlyList<JournalRecord>>([.. head.Records.Take(start + 1).Reverse().Take(limit)]);
        }
    }

    public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
        int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        lock (gate)
        {
            IEnumerable<DueCustomer> found = due[shard];
            if (after is not null && due[shard].Max is { } last)
                found = DueOrder.Compare(after, last) < 0 ? due[shard].GetViewBetween(after, last).Where(next => DueOrder.Compare(next, after) > 0) : [];
            return Task.FromResult<IReadOnlyList<DueCustomer>>([.. found.TakeWhile(next => next.Deadline <= until).Take(limit)]);
        }
    }

    public async IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, [EnumeratorCancellation] CancellationToken cancellation)
    {
        JournalEntry[] entries;
        lock (gate)
            entries = [.. log[FirstAfter(afterPosition)..]];
        await Task.CompletedTask;
        foreach (var entry in entries)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return entry;
        }
    }

    public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, JournalLimits.SearchMax);
        var prefix = workspace + "/";
        var folded = SearchText.Fold(text);
        lock (gate)
        {
            var customers = heads.Where(head => head.Key.StartsWith(prefix, StringComparison.Ordinal)).ToArray();
            var byId = InOrder(customers, head => SearchText.Fold(head.Key[prefix.Length..]), folded);
            var byText = text.Length == 0
                ? Recent(prefix).Concat(byId)
                : byId.Concat(InOrder(customers, head => SearchText.Fold(head.Value.Email ?? ""), folded)).Concat(ByTerm(customers, folded));
            return Task.FromResult<IReadOnlyList<CustomerHit>>(
                [.. byText.Distinct().Take(limit).Select(customer => new CustomerHit(customer, heads[customer].Email, heads[customer].Version))]);
        }
    }

    /// <summary>The index of the first record with a higher position. A follower asks over and over, mostly for the end.</summary>
    private int FirstAfter(long position)
    {
        var (low, high) = (0, log.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = log[middle].Position <= position ? (middle + 1, high) : (low, middle);
        }
        return low;
    }

    private IEnumerable<string> Recent(string prefix) =>
        Enumerable.Reverse(log).Take(JournalLimits.RecentRecordsMax)
            .Where(entry => entry.Customer.StartsWith(prefix, StringComparison.Ordinal)).Select(entry => entry.Customer);

    private static IEnumerable<string> InOrder(
        IEnumerable<KeyValuePair<string, Head>> customers, Func<KeyValuePair<string, Head>, string> by, string folded) =>
        customers.Where(head => by(head).StartsWith(folded, StringComparison.Ordinal))
            .OrderBy(by, SearchText.Order).ThenBy(head => head.Key, SearchText.Order).Select(head => head.Key);

    private static IEnumerable<string> ByTerm(IEnumerable<KeyValuePair<string, Head>> customers, string folded) => SearchText.MayBeTerm(folded)
        ? customers.SelectMany(static head => head.Value.Terms, static (head, term) => (term, head.Key))
            .Where(found => found.term.StartsWith(folded, StringComparison.Ordinal))
            .OrderBy(static found => found.term, SearchText.Order).ThenBy(static found => found.Key, SearchText.Order).Select(static found => found.Key)
        : [];

    private bool Write(JournalWrite write)
    {
        var head = heads.GetValueOrDefault(write.Customer);
        return write switch
        {
            JournalWrite.Append append => append.ExpectedVersion == (head?.Version ?? 0) && Append(append, head),
            JournalWrite.Snapshot snapshot => head is not null && Keep(snapshot, head),
            _ => Erase(write.Customer, head),
        };
    }

    private bool Append(JournalWrite.Append append, Head? head)
    {
        if (head is null && append.Payload.IsEmpty)
            return false;
        head ??= heads[append.Customer] = new Head();
        if (!append.Payload.IsEmpty)
        {
            var record = new JournalRecord(append.Version, append.RecordedAt.ToUniversalTime(), append.Payload.ToArray());
            head.Version = append.Version;
            head.Records.Add(record);
            log.Add(new JournalEntry(++lastPosition, append.Customer, record));
        }
        if (append.Deadline is { } deadline)
            SetDeadline(append.Customer, head, deadline.At?.ToUniversalTime());
        if (append.Email is { } email)
            head.Email = SearchText.KeptEmail(email);
        if (append.Terms is { } terms)
            head.Terms = SearchText.KeptTerms(terms);
        return true;
    }

    private static bool Keep(JournalWrite.Snapshot snapshot, Head head)
    {
        if (snapshot.Version > head.Version || snapshot.Version < head.SnapshotVersion)
            return false;
        head.Snapshot = snapshot.Payload.ToArray();
        head.SnapshotVersion = snapshot.Version;
        return true;
    }

    private bool Erase(string customer, Head? head)
    {
        if (head is null)
            return true;
        SetDeadline(customer, head, null);
        heads.Remove(customer);
        log.RemoveAll(entry => entry.Customer == customer);
        return true;
    }

    private void SetDeadline(string customer, Head head, DateTimeOffset? deadline)
    {
        var shard = due[CustomerKey.ShardOf(customer)];
        if (head.Deadline is { } old)
            shard.Remove(new DueCustomer(customer, old));
        if (deadline is { } at)
            shard.Add(new DueCustomer(customer, at));
        head.Deadline = deadline;
    }

    private sealed class Head
    {
        public long Version { get; set; }
        public ReadOnlyMemory<byte> Snapshot { get; set; }
        public long SnapshotVersion { get; set; }
        public DateTimeOffset? Deadline { get; set; }
        public string? Email { get; set; }
        public string[] Terms { get; set; } = [];
        public List<JournalRecord> Records { get; } = [];
    }
}
