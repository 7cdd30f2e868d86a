namespace Orleans.Personalize.Journal;

/// <summary>
/// Which appends of a batch build on one that was stale: such an append was decided on a state that does not exist, and must not pass where
/// somebody else has brought the head to the very version it expects. For one batch.
/// </summary>
public sealed class StaleChains
{
    // Nearly always nothing is stale.
    private Dictionary<string, long>? _tips;

    /// <summary>True where the customer's write just before it in the batch was stale and would have led to the version it expects.</summary>
    public bool IsContinuedBy(JournalWrite.Append append) =>
        _tips is not null && _tips.TryGetValue(append.Customer, out var tip) && tip == append.ExpectedVersion;

    /// <summary>To be told of every write, in order.</summary>
    public void OnWritten(JournalWrite write, WriteStatus status)
    {
        if (write is JournalWrite.Append { Version: 0 })
            return; // Moves the head of a customer who has none: nothing could build on it.
        if (write is JournalWrite.Append append && status == WriteStatus.Stale)
            (_tips ??= [])[append.Customer] = append.Version;
        else
            _tips?.Remove(write.Customer);
    }
}
