namespace Orleans.Personalize.Registry;

/// <summary>Who did what to the documents, when and why. It is stored with them, in one write.</summary>
internal static class RegistryHistory
{
    /// <summary>
    /// Of the earlier documents of one slot, together: all is stored as one, and twenty versions of each large template would make every change slow.
    /// </summary>
    private const int DocumentBytesMax = 64 * 1024;

    public static RegistryVersion[] Of(RegistryState state, string slot) =>
        WithDocument(state.History.GetValueOrDefault(slot) ?? [], state.Documents.GetValueOrDefault(slot));

    /// <param name="before">What was stored until then.</param>
    /// <param name="version">Without its document, which is stored as the slot's own.</param>
    public static void Note(RegistryState state, string slot, RegistryDocument? before, RegistryVersion version)
    {
        // Keys come and go, and tell of themselves.
        if (slot.StartsWith(RegistryKind.Key + "/", StringComparison.Ordinal))
            return;
        RegistryVersion[] versions =
            [version, .. WithDocument(state.History.GetValueOrDefault(slot) ?? [], before).Take(RegistryVersion.KeptMax - 1)];
        var bytes = 0;
        for (var i = 1; i < versions.Length; i++)
        {
            bytes += versions[i].Document.Span.Length;
            if (bytes > DocumentBytesMax)
                versions[i] = versions[i] with { Document = default };
        }
        state.History[slot] = versions;
        // There are never more documents than that, so one of these is deleted.
        if (state.History.Count > RegistryGrain.DocumentsMax)
            state.History.Remove(state.History.Where(known => !state.Documents.ContainsKey(known.Key)).MinBy(static known => known.Value[0].At).Key);
    }

    /// <summary>The newest one with its document; a sender's is left out, for an old secret is still a secret.</summary>
    private static RegistryVersion[] WithDocument(RegistryVersion[] versions, RegistryDocument? document) =>
        versions is [var newest, .. var others] && document is not null && newest.Version == document.Version && document.Kind is not (RegistryKind.Sender or RegistryKind.Source)
            ? [newest with { Document = document.Document }, .. others]
            : versions;
}
